/** What no view makes: of text that came in as an element or an attribute. */

const page = 'html head meta title link script body a header main section noscript'
const made =
  'p h1 h2 h3 div span strong code ul ol li dl dt dd table caption thead tbody tr th td time figure figcaption canvas details summary form label input select option button nav dialog pre'

/** In the page: elements and attributes that no view makes. */
export const foreign = `[...document.querySelectorAll('*')].flatMap((element) => {
  const known = '${page} ${made}'.split(' ').includes(element.localName)
  const wrong = [...element.attributes].filter(({ name, value }) =>
    /^on|^srcdoc$/.test(name) ||
    (/^(href|src|action|formaction)$/.test(name) && !/^(#|assets\\/|docs$|https?:)/.test(value)))
  return [...(known ? [] : [element.localName]), ...wrong.map(({ name, value }) => name + '=' + value)]
})`
