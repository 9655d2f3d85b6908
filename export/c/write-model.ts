import { planMemory } from '../../network/memory-plan.ts'
import type { Schedule } from '../../network/schedule.ts'
import { sizeOf } from '../../network/shapes.ts'
import type { Quantisation, QuantisedNetwork } from '../quantise/types.ts'
import { cmsisPreamble } from './cmsis-sources.ts'
import { commentText, identifierOf } from './identifiers.ts'
import { kernelSources } from './kernel-sources.ts'
import { writeProgram } from './program.ts'

export interface CModel {
  readonly header: string
  readonly source: string
  /** What the functions are called: `<identifier>_run`, `<identifier>_input`. */
  readonly identifier: string
  /** Of the static arena, the network's only working memory. */
  readonly arenaBytes: number
  /** Weights, biases, factors and tables. */
  readonly constantBytes: number
  /** Kernels in the order in which they run, as `FRUGAL_LAYER(n)` counts them: see `Program`. */
  readonly layers: readonly string[]
}

export interface CModelOptions {
  /** Any text; made an identifier. */
  readonly name: string
  /** Kernels of the network: what the arena is planned for. */
  readonly schedule: Schedule
  readonly alignmentBytes: number
  /** For comments. */
  readonly title: string
  readonly classNames: readonly string[]
  /** What a sample is, in words, and its channels' names; left out where nothing is known of them. */
  readonly sample?: string | undefined
  readonly channelNames?: readonly string[] | undefined
  /** What is done to a sample before it is normalised, in words; nothing where left out. */
  readonly resizing?: string
}

/** A float literal that reads back as the same number. */
export const floatLiteral = (value: number): string => {
  const text = `${value}`
  return `${/[.e]/.test(text) ? text : `${text}.0`}f`
}

const quantisationMacros = (name: string, { scale, zeroPoint }: Quantisation): string =>
  `#define ${name}_SCALE ${floatLiteral(scale)}\n#define ${name}_ZERO_POINT ${zeroPoint < 0 ? `(${zeroPoint})` : zeroPoint}`

/** Writes a quantised network as C99 that needs `<stdint.h>` and `<string.h>` alone: `model.c` and `model.h`. */
export function writeCModel(network: QuantisedNetwork, options: CModelOptions): CModel {
  const identifier = identifierOf(options.name)
  const plan = planMemory(options.schedule, { elementBytes: 1, alignmentBytes: options.alignmentBytes })
  const program = writeProgram(network, plan)
  const input = network.tensors[network.input]!
  const output = network.tensors[network.output]!
  const upper = identifier.toUpperCase()
  const { mean, standardDeviation } = network.normalisation
  const channels = mean
    .map((value, c) => {
      const name = options.channelNames?.[c]
      const called = name === undefined ? '' : ` (${commentText(name)})`
      return ` *   channel ${c}${called}: real = (raw - ${floatLiteral(value)}) / ${floatLiteral(standardDeviation[c]!)}`
    })
    .join('\n')
  const sample = options.sample ? ` * A sample is ${commentText(options.sample)}.\n` : ''
  const resized = options.resizing ? `,\n * ${options.resizing}` : ''
  const header = `/* ${commentText(options.title)} */
#ifndef ${upper}_H
#define ${upper}_H

#include <stdint.h>

/* Input: ${input.shape.join(' x ')} (row-major, channels last), q = real / SCALE + ZERO_POINT, rounded to the nearest and
 * kept within -128 and 127. The real values are normalised samples${resized}:
${sample}${channels} */
#define ${upper}_INPUT_BYTES ${sizeOf(input.shape)}
${quantisationMacros(`${upper}_INPUT`, input.quantisation)}

/* Output: ${network.outputShape.join(' x ')}, real = SCALE * (q - ZERO_POINT). Classes in order:
${options.classNames.map((name, i) => ` *   ${i}: ${commentText(name)}`).join('\n')} */
#define ${upper}_OUTPUT_BYTES ${sizeOf(output.shape)}
${quantisationMacros(`${upper}_OUTPUT`, output.quantisation)}

/* Working memory, held statically by the model. */
#define ${upper}_ARENA_BYTES ${plan.peakRamBytes}

/* Runs the network once. input: ${upper}_INPUT_BYTES values, or 0 when they were written to ${identifier}_input();
 * output: ${upper}_OUTPUT_BYTES values. Returns 0, or -1 when output is 0. Not reentrant: the arena is shared. */
int ${identifier}_run(const int8_t *input, int8_t *output);

/* Where the input lies in the arena: values written here need no copy. They do not outlive a run. */
int8_t *${identifier}_input(void);

#endif
`
  const source = `/* ${commentText(options.title)} */
#include "model.h"

#include <string.h>

/* Called after kernel n; for measuring. */
#ifndef FRUGAL_LAYER
#define FRUGAL_LAYER(n) ((void)0)
#endif

/* Kernels are neither inlined nor copied for one caller: the code is there once, and its size is known beforehand. */
#if defined(__clang__)
#define KERNEL static __attribute__((noinline))
#elif defined(__GNUC__)
#define KERNEL static __attribute__((noinline, noclone))
#else
#define KERNEL static
#endif

static int8_t arena[${upper}_ARENA_BYTES];
${cmsisPreamble(network)}${kernelSources(program.sources)}
${program.constants}

int8_t *${identifier}_input(void) { return ${program.input}; }

int ${identifier}_run(const int8_t *input, int8_t *output) {
  if (!output) return -1;
  if (input) memcpy(${program.input}, input, ${upper}_INPUT_BYTES);
${program.statements.join('\n')}
  memcpy(output, ${program.output}, ${upper}_OUTPUT_BYTES);
  return 0;
}
`
  const { arrayBytes, layers } = program
  return { header, source, identifier, arenaBytes: plan.peakRamBytes, constantBytes: arrayBytes, layers }
}
