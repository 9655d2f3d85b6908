import { messageOf } from '../../lib/errors.ts'
import { openStore } from '../../results/sqlite/open.ts'

/** Opens the database named first to `read` or `write` and prints how many experiments it holds, or what is wrong. */
const [file, mode] = process.argv.slice(2)
if (file !== undefined) {
  try {
    const store = openStore(file, { write: mode === 'write' })
    console.log(store.summaries().length)
    store.close()
  } catch (error) {
    console.log(messageOf(error))
  }
}
