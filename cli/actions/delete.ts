import { UserError } from '../../lib/errors.ts'
import { openStore } from '../../results/sqlite/open.ts'
import { shownText } from '../render/terminal.ts'
import { checkpointFolder } from './ladder.ts'
import { counted, print, tableTerminal } from './output.ts'

/**
 * `frugal delete`: all of the experiments or, where one does not exist, none.
 * @throws UserError without `--yes`, saying what would go; and while a search is at work on the database.
 */
export async function deleteExperiments(args: {
  readonly ids: readonly number[]
  readonly db: string
  readonly yes: boolean
}): Promise<void> {
  const store = openStore(args.db, { write: args.yes, create: false })
  try {
    const summaries = store.summaries()
    const found = [...new Set(args.ids)].map((id) => {
      const { name } = store.experiment(id)
      const summary = summaries.find((each) => each.id === id)!
      const trials = counted(summary.completed + summary.failed, 'trial')
      return { id, text: `experiment ${id} (${shownText(name, tableTerminal())}, ${trials})` }
    })
    if (!args.yes) {
      const what = found.map(({ text }) => text).join(', ')
      throw new UserError(`${what} would be deleted for good: repeat the command with --yes to do so`)
    }
    for (const { id, text } of found) {
      store.deleteExperiment(id)
      checkpointFolder(args.db, id).remove()
      print(`deleted ${text}`)
    }
  } finally {
    store.close()
  }
}
