/**
 * The completion of each shell: the same three tables (words of a command, what an option takes, what an operand takes)
 * and the same walk over what was typed. Names come from the program as it was typed, by its hidden command.
 */
import type { Context, Values, Word } from './completion-values.ts'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

export function completionScript(shell: Shell, contexts: readonly Context[]): string {
  return scripts[shell](contexts)
}

/** What a script is told that a place takes. */
function told(values: Values): string {
  if (values.kind === 'names') return `names ${values.of}`
  return values.kind === 'words' ? `words ${values.words.join(' ')}` : values.kind
}

interface Row {
  readonly key: string
  readonly lines: readonly string[]
}

interface Tables {
  readonly words: readonly Row[]
  readonly takes: readonly Row[]
  readonly operands: readonly Row[]
}

/** @param line a word and what it is */
function tablesOf(contexts: readonly Context[], line: (word: Word) => string): Tables {
  return {
    words: contexts.map(({ path, commands, options }) => ({
      key: path,
      lines: [...commands, ...options].map(line),
    })),
    takes: contexts.flatMap(({ path, options }) =>
      options.flatMap(({ word, takes }) =>
        takes === undefined ? [] : [{ key: `${path} ${word}`, lines: [told(takes)] }],
      ),
    ),
    operands: contexts.flatMap(({ path, operands }) =>
      operands.map((values, place) => ({ key: `${path} ${place}`, lines: [told(values)] })),
    ),
  }
}

/** As `sh` and its kin quote: nothing inside is looked at. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** A function of bash and zsh that prints lines for a key, and nothing for other keys. */
function caseTable(name: string, rows: readonly Row[]): string {
  const cases = rows.map(
    ({ key, lines }) => `    ${quoted(key)}) printf '%s\\n' ${lines.map(quoted).join(' ')} ;;`,
  )
  return `${name}() {\n  case $1 in\n${cases.join('\n')}\n  esac\n}\n`
}

/** The walk of bash and zsh; what differs between them is filled in. */
function shWalk({ local, words, from, until }: Record<'local' | 'words' | 'from' | 'until', string>): string {
  return `  ${local}
  for ((i = ${from}; i < ${until}; i++)); do
    word=\${${words}[i]}
    # --option=value, which bash cuts into three words
    if [[ $word == '=' ]]; then
      [[ -z $option ]] && ((i++))
      continue
    fi
    if [[ -n $option && $word != --* ]]; then
      [[ $option == --config ]] && config=$word
      option=''
    elif [[ $word == --config=* ]]; then
      config=\${word#*=} option=''
    elif [[ $word == -* ]]; then
      option=''
      [[ -n $(_feed_server_takes "$where $word") ]] && option=$word
    elif ((operands == 0)) && [[ -n $(_feed_server_words "\${where:+$where }$word") ]]; then
      where=\${where:+$where }$word
    elif [[ $where == '' && $word == help ]]; then
      where=help
    else
      ((operands += 1))
    fi
  done
  if [[ -n $option && $current != --* ]]; then
    takes=$(_feed_server_takes "$where $option")
  elif [[ $current != -* ]]; then
    takes=$(_feed_server_operand "$where $operands")
  fi
`
}

const bash = (contexts: readonly Context[]): string => {
  const { words, takes, operands } = tablesOf(contexts, ({ word }) => word)
  return `# bash completion of feed-server, made by \`feed-server completion bash\`
${caseTable('_feed_server_words', words)}${caseTable('_feed_server_takes', takes)}${caseTable('_feed_server_operand', operands)}
_feed_server() {
  local current=\${COMP_WORDS[COMP_CWORD]} where='' config='' option='' takes='' words='' word i operands=0
  COMPREPLY=()
  [[ $current == '=' ]] && current=''
${shWalk({ local: "local IFS=$' \\t\\n'", words: 'COMP_WORDS', from: '1', until: 'COMP_CWORD' })}
  case $takes in
    files)
      compopt -o filenames 2> /dev/null
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current")
      return ;;
    any) return ;;
    'words '*) words=$(printf '%s\\n' \${takes#words }) ;;
    'names '*) words=$("\${COMP_WORDS[0]}" \${config:+--config "$config"} __complete \${takes#names } 2> /dev/null) ;;
    *) words=$(_feed_server_words "$where") ;;
  esac
  while IFS= read -r word; do
    # An option is offered to whoever begins one, or where there is nothing else.
    [[ $word == -* && $current != -* && $words != -* ]] && continue
    [[ -n $word && $word == "$current"* ]] && COMPREPLY+=("$word")
  done <<< "$words"
}
complete -F _feed_server feed-server
`
}

const zsh = (contexts: readonly Context[]): string => {
  const line = ({ word, description }: Word) => `${word.replaceAll(':', '\\:')}:${description}`
  const { words, takes, operands } = tablesOf(contexts, line)
  return `#compdef feed-server
# zsh completion of feed-server, made by \`feed-server completion zsh\`
${caseTable('_feed_server_words', words)}${caseTable('_feed_server_takes', takes)}${caseTable('_feed_server_operand', operands)}
_feed_server() {
  local current=\${words[CURRENT]} where='' config='' option='' takes='' word i operands=0
  local -a lines
  if [[ $current == --*=* ]]; then
    option=\${current%%=*}
    compset -P '*='
    current=\${current#*=}
  fi
  local glued=$option
  option=''
${shWalk({ local: '', words: 'words', from: '2', until: 'CURRENT' })}
  [[ -n $glued ]] && takes=$(_feed_server_takes "$where $glued")
  case $takes in
    files) _files ;;
    any) _message value ;;
    'words '*) compadd -- \${=takes#words } ;;
    'names '*) compadd -- \${(f)"$(\${words[1]} \${config:+--config} \${config:+"$config"} __complete \${takes#names } 2> /dev/null)"} ;;
    *)
      lines=(\${(f)"$(_feed_server_words "$where")"})
      if [[ $current == -* ]]; then
        lines=(\${(M)lines:#-*})
      elif [[ -n \${(M)lines:#[^-]*} ]]; then
        lines=(\${lines:#-*})
      fi
      _describe feed-server lines ;;
  esac
}
if [[ \${funcstack[1]} == _feed-server ]]; then
  _feed_server "$@"
else
  compdef _feed_server feed-server
fi
`
}

/** A text in single quotes, of which fish looks at backslashes and quotes. */
function fishQuoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

function switchTable(name: string, rows: readonly Row[]): string {
  const cases = rows.map(
    ({ key, lines }) =>
      `    case ${fishQuoted(key)}\n      printf '%s\\n' ${lines.map(fishQuoted).join(' ')}`,
  )
  return `function ${name}\n  switch "$argv[1]"\n${cases.join('\n')}\n  end\nend\n`
}

const fish = (contexts: readonly Context[]): string => {
  const { words, takes, operands } = tablesOf(contexts, ({ word, description }) => `${word}\t${description}`)
  return `# fish completion of feed-server, made by \`feed-server completion fish\`
${switchTable('__feed_server_words', words)}${switchTable('__feed_server_takes', takes)}${switchTable('__feed_server_operand', operands)}
function __feed_server
  set -l typed (commandline -opc)
  set -l current (commandline -ct)
  set -l where ''
  set -l config ''
  set -l option ''
  set -l operands 0
  for word in $typed[2..-1]
    if test -n "$option"; and not string match -q -- '--*' $word
      test "$option" = --config; and set config $word
      set option ''
    else if string match -q -- '--config=*' $word
      set config (string replace -- --config= '' $word)
      set option ''
    else if string match -q -- '-*' $word
      set option ''
      test -n "$(__feed_server_takes "$where $word")"; and set option $word
    else if test $operands -eq 0; and test -n "$(__feed_server_words (string trim -- "$where $word"))"
      set where (string trim -- "$where $word")
    else if test -z "$where"; and test "$word" = help
      set where help
    else
      set operands (math $operands + 1)
    end
  end
  set -l takes
  set -l before ''
  if string match -q -- '--*=*' $current
    set before (string replace -r -- '=.*' '=' $current)
    set takes (__feed_server_takes "$where "(string replace -- = '' $before))
    set current (string replace -r -- '^[^=]*=' '' $current)
  else if test -n "$option"; and not string match -q -- '--*' $current
    set takes (__feed_server_takes "$where $option")
  else if not string match -q -- '-*' $current
    set takes (__feed_server_operand "$where $operands")
  end
  set -l found
  switch "$takes"
    case files
      set found (__fish_complete_path $current)
    case any
    case 'words *'
      set found (string split ' ' -- (string replace 'words ' '' -- $takes))
    case 'names *'
      if test -n "$config"
        set found ($typed[1] --config $config __complete (string replace 'names ' '' -- $takes) 2> /dev/null)
      else
        set found ($typed[1] __complete (string replace 'names ' '' -- $takes) 2> /dev/null)
      end
    case '*'
      set found (__feed_server_words "$where")
  end
  test (count $found) -gt 0; and printf "$before%s\\n" $found
end
complete -c feed-server -e
complete -c feed-server -f -a '(__feed_server)'
`
}

const scripts: Readonly<Record<Shell, (contexts: readonly Context[]) => string>> = { bash, zsh, fish }
