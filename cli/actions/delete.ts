import { UserError } from '../../lib/errors.ts'
import { openStore } from '../../results/sqlite/open.ts'
import { shownText } from '../render/terminal.ts'
import { checkpointFolder } from './ladder.ts'
import { counted, messagesOf, printJson, say, tableTerminal } from './output.ts'

/**
 * `frugal delete`: all of the experiments or, where one does not exist, none.
 * @throws UserError without `--yes`, saying what would go; and while a search is at work on the database.
 */
export async function deleteExperiments(args: {
  readonly ids: readonly number[]
  readonly db: string
  readonly yes: boolean
  readonly json: boolean
}): Promise<void> {
  const store = openStore(args.db, { write: args.yes, create: false })
  try {
    const summaries = store.summaries()
    const found = [...new Set(args.ids)].map((id) => {
      const { name } = store.experiment(id)
      const summary = summaries.find((each) => each.id === id)!
      const trials = counted(summary.completed + summary.failed, 'trial')
      const experiment = { id, name, completed: summary.completed, failed: summary.failed }
      return { experiment, text: `experiment ${id} (${shownText(name, tableTerminal())}, ${trials})` }
    })
    if (!args.yes) {
      const what = found.map(({ text }) => text).join(', ')
      throw new UserError(`${what} would be deleted for good: repeat the command with --yes to do so`)
    }
    for (const { experiment, text } of found) {
      store.deleteExperiment(experiment.id)
      checkpointFolder(args.db, experiment.id).remove()
      say(messagesOf(args.json), `deleted ${text}`)
    }
    if (args.json) printJson({ deleted: found.map(({ experiment }) => experiment) })
  } finally {
    store.close()
  }
}
