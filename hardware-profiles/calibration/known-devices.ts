import { readFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { dot } from '../../lib/linear-systems.ts'
import type { KernelFacts } from '../features.ts'
import { FEATURE_NAMES } from '../features.ts'
import { KERNEL_KINDS } from '../profile.ts'
import { activationFacts, CLASS_FEATURES, classAt, featuresOf } from './kernel-classes.ts'

const FILE = path.join(import.meta.dirname, '..', 'devices', 'known-devices.json')

const bounds = z.tuple([z.number(), z.number()])
const schema = z.strictObject({
  format: z.literal('frugal-known-devices/1'),
  source: z.string(),
  classes: z.array(
    z.strictObject({ kind: z.enum(KERNEL_KINDS), when: z.partialRecord(z.enum(FEATURE_NAMES), bounds) }),
  ),
  devices: z.array(
    z.strictObject({
      /** Device, batch or table that it was timed with. */
      id: z.string(),
      /** The device, whatever the setting. */
      device: z.string(),
      /** Devices that resemble each other. */
      group: z.string(),
      /** Mean relative error of the fit. */
      mape: z.number().nonnegative(),
      onceMs: z.number().nonnegative(),
      /** For each class, ms per unit of each of `CLASS_FEATURES`; null for classes that none of its networks had. */
      coefficients: z.array(z.array(z.number().nonnegative()).length(CLASS_FEATURES.length).nullable()),
    }),
  ),
})
export type KnownDevicesFile = z.infer<typeof schema>

/** A device that was timed on whole networks: what is known of how devices differ, not a profile to search for. */
export interface KnownDevice {
  readonly id: string
  readonly device: string
  readonly group: string
  readonly onceMs: number
  /** Time of a kernel in ms; undefined for kinds that it was not timed on. */
  kernelMs(facts: KernelFacts): number | undefined
}

/** The devices in `known-devices.json`. */
export function knownDevices(): readonly KnownDevice[] {
  const { classes, devices } = schema.parse(JSON.parse(readFileSync(FILE, 'utf8')))
  return devices.map(({ id, device, group, onceMs, coefficients }): KnownDevice => {
    const priceOne = (facts: KernelFacts): number | undefined => {
      const own = coefficients[classAt(classes, facts)]
      return own === undefined || own === null ? undefined : dot(own, featuresOf(facts))
    }
    // Its runtime fused nothing: what a design's kernel applies inside is a kernel of its own there.
    const kernelMs = (facts: KernelFacts): number | undefined => {
      const own = priceOne(facts)
      if (own === undefined || facts.activation === 0) return own
      return own + (priceOne(activationFacts(facts, 'relu')) ?? 0)
    }
    return { id, device, group, onceMs, kernelMs }
  })
}
