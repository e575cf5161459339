// @ts-check
/** Buttons that change something: they ask first, show that they work, and tell what came of it. */
import { button, h } from './dom.js'

/**
 * @param {object} options
 * @param {string} options.label
 * @param {string} [options.about] of what: for those who do not see where the button stands
 * @param {string} [options.confirm] asked before; without it the button acts at once
 * @param {'danger'} [options.tone]
 * @param {() => Promise<string | readonly [tone: import('./status.js').Tone, title: string, ...content: import('./dom.js').Children[]]>} options.run
 *   resolves to what came of it
 * @param {import('./messages.js').Messages} options.messages
 * @param {() => Promise<unknown> | void} [options.after] also after a failure: loads again what is shown
 */
export function action({ label, about, confirm, tone, run, messages, after }) {
  const act = async () => {
    if (element.getAttribute('aria-disabled') === 'true') return
    if (confirm !== undefined && !(await confirmed(label, confirm, tone))) return
    // Not `disabled`: that would take the focus away.
    element.setAttribute('aria-disabled', 'true')
    element.setAttribute('aria-busy', 'true')
    element.textContent = `${label} …`
    try {
      const result = await run()
      if (typeof result === 'string') messages.say('good', result)
      else messages.say(...result)
    } catch (error) {
      messages.fail(`${label} failed`, error)
    }
    element.textContent = label
    element.removeAttribute('aria-disabled')
    element.removeAttribute('aria-busy')
    await after?.()
  }
  const element = button(label, act, {
    class: tone === 'danger' ? 'danger' : 'act',
    'aria-label': about !== undefined && `${label}: ${about}`,
    'data-keep': `action ${label} ${about ?? ''}`,
  })
  return element
}

/**
 * @param {string} label of the button that goes on
 * @param {string} question
 * @param {'danger'} [tone]
 * @returns {Promise<boolean>}
 */
function confirmed(label, question, tone) {
  const dialog = h('dialog', { 'aria-label': label })
  const yes = button(label, () => dialog.close('yes'), { class: tone === 'danger' ? 'danger' : 'act' })
  const no = button('Cancel', () => dialog.close(''), { class: 'quiet' })
  dialog.append(h('p', {}, question), h('p', { class: 'buttons' }, no, yes))
  document.body.append(dialog)
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(dialog.returnValue === 'yes')
    })
    dialog.showModal()
  })
}

/**
 * A button that copies a text.
 * @param {string} text
 * @param {string} about
 * @param {import('./messages.js').Messages} messages
 */
export function copyButton(text, about, messages) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      messages.say('good', `Copied: ${about}`)
    } catch {
      messages.say(
        'warn',
        'Not copied',
        h(
          'p',
          {},
          'The browser allows it only over https and on this machine. The text: ',
          h('code', {}, text),
        ),
      )
    }
  }
  return button('Copy', copy, { class: 'quiet', 'aria-label': `Copy ${about}`, 'data-keep': `copy ${about}` })
}
