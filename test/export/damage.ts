import { UserError } from '../../lib/errors.ts'
import { type RandomStream, randomStream } from '../../lib/random.ts'

const DAMAGED_FILES = 300

interface Damage {
  readonly seed: number
  /** Bytes that are changed in each file. */
  readonly bytes: number
  /** Where; anywhere if left out. */
  readonly place?: (random: RandomStream, length: number) => number
}

/** Of 300 damaged copies of a file, how many a reader refuses with a UserError; anything else that it throws is thrown on. */
export function refusedWhenDamaged(
  file: Uint8Array,
  read: (file: Uint8Array) => unknown,
  { seed, bytes, place = (random, length) => random.int(length) }: Damage,
): number {
  const random = randomStream(seed, 'damage')
  let refused = 0
  for (let i = 0; i < DAMAGED_FILES; i++) {
    const damaged = file.slice()
    for (let n = 0; n < bytes; n++) damaged[place(random, damaged.length)] = random.int(256)
    try {
      read(damaged)
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      refused++
    }
  }
  return refused
}
