// Node strips the types of every source file anew at every start, which is half the start-up of a checkout: what it makes
// of them is kept. Plain JavaScript, since nothing strips the types of this file.
import { hash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import module from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Keeps the sources below `root` in `folder` as Node reads them, each with a mark of what it was made of.
 * A folder that cannot be written to costs time only.
 */
export function keepStripped(root, folder) {
  const stripped = (source, file) => {
    const kept = path.join(folder, path.relative(root, file))
    const mark = `// ${process.version} ${hash('sha256', source)}`
    const code = contentsOf(kept)
    if (code?.endsWith(mark)) return code
    const fresh = `${withoutTypes(source)}\n${mark}`
    keep(kept, fresh)
    return fresh
  }
  module.registerHooks({
    load(url, context, next) {
      const loaded = next(url, context)
      if (loaded.format !== 'module-typescript') return loaded
      const file = fileURLToPath(url)
      if (!file.startsWith(root + path.sep)) return loaded
      return { ...loaded, format: 'module', source: stripped(String(loaded.source), file) }
    },
  })
}

/** Node's own stripping, without its word at every start that calling it is experimental. */
function withoutTypes(source) {
  const { emitWarning } = process
  process.emitWarning = () => undefined
  try {
    return module.stripTypeScriptTypes(source)
  } finally {
    process.emitWarning = emitWarning
  }
}

function contentsOf(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** In one step, since several processes start at once. */
function keep(file, text) {
  const unfinished = `${file}.${process.pid}`
  try {
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(unfinished, text)
    renameSync(unfinished, file)
  } catch {
    // It is made again next time.
  }
}
