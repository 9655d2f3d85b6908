import { UserError } from '../../../lib/errors.ts'
import { unknownName } from '../../../lib/nearest-name.ts'

/** Where ONNX Runtime computes. */
export const PROVIDERS = ['cpu', 'cuda', 'webgpu'] as const
export type Provider = (typeof PROVIDERS)[number]

/** @throws UserError for an unknown name. */
export function parseProvider(name: string): Provider {
  const provider = PROVIDERS.find((known) => known === name)
  if (provider === undefined) throw new UserError(unknownName('provider', name, PROVIDERS))
  return provider
}
