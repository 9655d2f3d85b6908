import { createRequire } from 'node:module'

/** The package that reads YAML, in 75 modules: loaded by the first file that is YAML, not by every command. */
export const yaml = (): typeof import('yaml') => createRequire(import.meta.url)('yaml')
