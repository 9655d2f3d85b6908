/** Writes export/card.schema.json, the JSON Schema of model cards, as the code has it. Run: node bench/card-schema.ts */
import path from 'node:path'
import { cardJsonSchema } from '../export/model-card.ts'
import { writeFileAtomic } from '../lib/files.ts'
import { benchArguments } from './usage.ts'

benchArguments('bench/card-schema.ts', {})
writeFileAtomic(path.join(import.meta.dirname, '..', 'export', 'card.schema.json'), cardJsonSchema())
