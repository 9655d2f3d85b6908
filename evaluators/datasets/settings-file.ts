import { messageOf } from '../../lib/errors.ts'
import { badFile, kindOfPath, readInputFile } from './input-file.ts'

const MOST_BYTES = 1 << 20

/**
 * What a JSON file of settings beside the data holds; undefined where there is none.
 * @param example settings as they may look, for whoever wrote something else.
 * @throws UserError where the file is no JSON.
 */
export function readSettingsFile(file: string, example: string): unknown {
  if (kindOfPath(file) === undefined) return undefined
  try {
    return JSON.parse(new TextDecoder().decode(readInputFile(file, MOST_BYTES)))
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw badFile(file, `is no JSON (${messageOf(error).replaceAll('\n', ' ')})`, `write settings such as ${example}`)
  }
}
