import path from 'node:path'
import { z } from 'zod'
import { unknownName } from '../../lib/nearest-name.ts'
import { badFile } from './input-file.ts'
import { readSettingsFile } from './settings-file.ts'

/** Beside the classes, may be missing. */
export const IMAGE_SETTINGS = 'image.json'
const LONGEST_SIDE = 4096

const side = z.int().min(1).max(LONGEST_SIDE)
const settingsSchema = z.strictObject({
  size: z.union([side, z.tuple([side, side])]).exactOptional(),
  crop: z.boolean().default(false),
  grey: z.boolean().default(false),
})

/** What is right for each member, in words. */
const EXPECTED: Readonly<Record<keyof typeof settingsSchema.shape, string>> = {
  size: `a side such as 96, or [height, width] such as [96, 128], from 1 to ${LONGEST_SIDE}`,
  crop: 'true or false',
  grey: 'true or false',
}

/** How images become samples. */
export interface ImageSettings {
  /** `[height, width]`; the most common size where left out. */
  readonly size?: readonly [number, number]
  /** Whether the largest middle part of the wanted proportions is taken; otherwise proportions are not kept. */
  readonly crop: boolean
  /** Whether colour is taken away. */
  readonly grey: boolean
}

/** @throws UserError when the file is there and does not say what it should. */
export function readImageSettings(folder: string): ImageSettings {
  const file = path.join(folder, IMAGE_SETTINGS)
  const parsed = settingsSchema.safeParse(readSettingsFile(file, '{"size": 96}') ?? {})
  if (parsed.success) {
    const { size, ...settings } = parsed.data
    if (size === undefined) return settings
    return { ...settings, size: typeof size === 'number' ? [size, size] : size }
  }
  const issue = parsed.error.issues[0]!
  const members = Object.keys(EXPECTED)
  if (issue.code === 'unrecognized_keys') {
    throw badFile(file, 'holds no settings of images', unknownName('member', issue.keys[0]!, members))
  }
  const member = members.find((name) => name === issue.path[0]) as keyof typeof EXPECTED | undefined
  if (member === undefined) {
    throw badFile(file, 'holds no settings of images', `a JSON object with any of ${members.join(', ')} is expected`)
  }
  throw badFile(file, `has a ${member} that is not right`, `${EXPECTED[member]} is expected`)
}
