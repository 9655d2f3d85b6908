import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { parseNormalisation } from '../../export/convert/calibration-data.ts'
import { convertModel, parseConversionFormats } from '../../export/convert/convert-model.ts'
import { withEmbeddedWeights } from '../../formats/onnx/embed-weights.ts'
import { externalData } from '../../formats/read-model.ts'
import { messageOf, UserError } from '../../lib/errors.ts'
import { pathInside, writeFileAtomic } from '../../lib/files.ts'
import { checkOutFolder } from './export-training.ts'
import { messagesOf, printJson, say } from './output.ts'
import { loadData } from './session.ts'

interface ConvertArguments {
  readonly model: string | undefined
  readonly format: string
  readonly out: string
  readonly verify: boolean
  readonly name: string
  readonly data: string | undefined
  readonly normalise: string
  readonly seed: number
  readonly json: boolean
}

/** No network for these devices comes near. */
const MAX_FILE_BYTES = 256 << 20
const MAX_MESSAGE = 400

/** `frugal convert` */
export async function convert(args: ConvertArguments): Promise<void> {
  const { model, format, out, verify, name, json } = args
  if (model === undefined)
    throw new UserError('name a model file: for example frugal convert model.tflite --out ./model')
  checkOutFolder(out)
  const formats = parseConversionFormats(format)
  const normalisation = parseNormalisation(args.normalise)
  const { bytes, kind } = readBytes(model)
  const data = args.data === undefined ? {} : { data: { dataset: await loadData(args.data, args.seed), normalisation } }
  const job = { bytes, kind, formats, name, verify, ...data }
  const { summary, files, findings } = await convertModel(job).catch((error: unknown) => {
    if (!(error instanceof UserError)) throw error
    // Names inside the file are a stranger's text.
    const message = error.message.replaceAll(/\p{C}/gu, '?').slice(0, MAX_MESSAGE)
    throw new UserError(`model '${model}': ${message}`)
  })
  for (const [file, data] of files) writeFileAtomic(pathInside(out, file), data)
  const tell = (text: string): void => say(messagesOf(json), text)
  tell(`${model}: ${summary}`)
  tell(`${out}: ${[...files.keys()].join(', ')}`)
  if (!verify) tell('NOT verified: --no-verify')
  for (const finding of findings) tell(finding)
  if (json) printJson({ model, out, summary, files: [...files.keys()], verify, findings })
}

/** The bytes of a file, with the weights that an ONNX file keeps in others beside it. */
function wholeFile(model: string, kind: 'tflite' | 'onnx'): Uint8Array {
  const bytes = readFileSync(model)
  return kind === 'onnx' ? withEmbeddedWeights(bytes, externalData(model), MAX_FILE_BYTES) : bytes
}

/** @throws UserError when the file is not there, too large, or of another kind. */
function readBytes(model: string): { readonly bytes: Uint8Array; readonly kind: 'tflite' | 'onnx' } {
  const suffix = path.extname(model).toLowerCase()
  const kind = ({ '.tflite': 'tflite', '.onnx': 'onnx' } as const)[suffix]
  if (kind === undefined)
    throw new UserError(`model '${model}' ends in '${suffix}'; frugal convert reads .tflite and float .onnx files`)
  try {
    const found = statSync(model, { throwIfNoEntry: false })
    if (found === undefined) throw new UserError('there is no such file')
    if (found.isDirectory()) throw new UserError('it is a folder; name the file in it')
    // A pipe would be waited for.
    if (!found.isFile()) throw new UserError('it is no ordinary file')
    if (found.size <= MAX_FILE_BYTES) return { bytes: wholeFile(model, kind), kind }
  } catch (error) {
    throw new UserError(`model '${model}' cannot be read: ${messageOf(error).replaceAll(/\p{C}/gu, '?')}`)
  }
  throw new UserError(`model '${model}' is larger than ${MAX_FILE_BYTES} bytes, the most that is converted`)
}
