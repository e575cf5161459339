/** `feed-server completion`: what a shell needs to complete the command line, made from the program's own commands. */
import { Argument, type Command } from 'commander'
import { completionScript, type Shell, shells } from './completion-scripts.ts'
import { contextsOf } from './completion-values.ts'
import { print } from './terminal.ts'

const install = `
Install it for yourself:
  bash   feed-server completion bash > ~/.local/share/bash-completion/completions/feed-server
  zsh    feed-server completion zsh > "\${fpath[1]}/_feed-server"
  fish   feed-server completion fish > ~/.config/fish/completions/feed-server.fish
For this shell only (bash, zsh): source <(feed-server completion bash)

After an update of the program write it anew. Names of sources, exporters, bridges and feeds are read from the
configuration while you type.
`

export function completionCommand(program: Command): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'the shell that it is for').choices(shells))
    .description(
      'Prints a script that completes commands, options, their values, and names of the configuration.',
    )
    .addHelpText('after', install)
    .action((shell: Shell) => print(completionScript(shell, contextsOf(program))))
}
