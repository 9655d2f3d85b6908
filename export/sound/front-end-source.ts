import {
  SILENT_OCTAVES,
  type SoundFrontEnd,
  STEPS_PER_OCTAVE,
  tablesOf,
} from '../../evaluators/datasets/sound/front-end.ts'
import { wrap } from '../c/emitter.ts'
import { commentText, identifierOf } from '../c/identifiers.ts'
import { FRONT_END_FUNCTIONS } from './front-end-functions.ts'
import { type NetworkInput, prepareSource } from './prepare-source.ts'

export interface FrontEndSource {
  readonly header: string
  readonly source: string
  /** What the functions are called: `<identifier>_frame`, `<identifier>_features`, `<identifier>_prepare`. */
  readonly identifier: string
  /** Held statically: the transform of one frame. */
  readonly workBytes: number
  /** Window, cosines, bands, and the table of a network's input. */
  readonly constantBytes: number
}

export interface FrontEndOptions {
  /** Any text; made an identifier. */
  readonly name: string
  /** For comments. */
  readonly title: string
  /** The int8 network that reads the features; without one there is no `prepare`. */
  readonly input?: NetworkInput | undefined
}

const array = (type: string, name: string, values: ArrayLike<number>): string =>
  `static const ${type} ${name}[${values.length}] = {\n${wrap(Array.from(values, String))}};\n`

/** Bytes of the tables of a front end without those of a network's input. */
export function tableBytes(frontEnd: SoundFrontEnd): number {
  const { cosine, firstBins, weights, thresholds } = tablesOf(frontEnd)
  const halfWindow = Math.ceil(frontEnd.frameSamples / 2)
  return 2 * (halfWindow + cosine.length + firstBins.length + weights.length + thresholds.length)
}

/** Writes the front end of sound as C99 that needs `<stdint.h>` alone: `frontend.c` and `frontend.h`. */
export function writeFrontEnd(frontEnd: SoundFrontEnd, { name, title, input }: FrontEndOptions): FrontEndSource {
  const { sampleRate, clipSamples, frames, frameSamples, hopSamples, fftLength, bands, lowHz, highHz } = frontEnd
  const identifier = identifierOf(name)
  const upper = identifier.toUpperCase()
  const { window, cosine, firstBins, weights, thresholds } = tablesOf(frontEnd)
  // The window is the same from both ends.
  const half = window.subarray(0, Math.ceil(frameSamples / 2))
  const prepare = input === undefined ? undefined : prepareSource(frontEnd, input, identifier)
  const header = `/* ${commentText(title)}
 * Logarithmic mel spectrograms of sound, in integers: what the network was trained on, bit for bit. */
#ifndef ${upper}_FRONTEND_H
#define ${upper}_FRONTEND_H

#include <stdint.h>

/* Signed 16-bit samples of one channel. */
#define ${upper}_SAMPLE_RATE ${sampleRate}
#define ${upper}_CLIP_SAMPLES ${clipSamples}
#define ${upper}_FRAME_SAMPLES ${frameSamples}
#define ${upper}_HOP_SAMPLES ${hopSamples}
/* Features: frames x bands (${lowHz} to ${highHz} Hz), time first. */
#define ${upper}_FRAMES ${frames}
#define ${upper}_BANDS ${bands}

/* The features of one frame: ${upper}_FRAME_SAMPLES samples to ${upper}_BANDS bytes. With sound that goes on, call it every
 * ${upper}_HOP_SAMPLES samples and keep the last ${upper}_FRAMES results. Not reentrant: working memory is shared. */
void ${identifier}_frame(const int16_t *samples, uint8_t *bands);

/* The features of a clip: ${upper}_CLIP_SAMPLES samples to ${upper}_FRAMES x ${upper}_BANDS bytes. */
void ${identifier}_features(const int16_t *clip, uint8_t *features);
${prepare?.declaration ?? ''}
#endif
`
  const source = `/* ${commentText(title)} */
#include "frontend.h"

#define FRAME ${frameSamples}
#define POINTS ${fftLength / 2}
#define QUARTER ${fftLength / 4}
#define BANDS ${bands}
#define STEPS_PER_OCTAVE ${STEPS_PER_OCTAVE}
#define SILENT_OCTAVES ${SILENT_OCTAVES}

/* von Hann's window, the first half */
${array('int16_t', 'window', half)}
/* 32767 cos(2 pi k / ${fftLength}) */
${array('int16_t', 'cosine', cosine)}
/* bins from first_bins[i] lie between the centres of bands i - 1 and i */
${array('uint16_t', 'first_bins', firstBins)}
/* how far a bin is on its way from one centre to the next, of 32768 */
${array('uint16_t', 'weights', weights)}
/* where 1/${STEPS_PER_OCTAVE} octave rounds up */
${array('uint16_t', 'thresholds', thresholds)}
static int32_t re[POINTS], im[POINTS];
${FRONT_END_FUNCTIONS}
void ${identifier}_frame(const int16_t *samples, uint8_t *bands) {
  load_frame(samples);
  transform();
  write_bands(bands);
}

void ${identifier}_features(const int16_t *clip, uint8_t *features) {
  for (int32_t frame = 0; frame < ${upper}_FRAMES; frame++) {
    ${identifier}_frame(clip + frame * ${upper}_HOP_SAMPLES, features + frame * BANDS);
  }
}
${prepare?.source ?? ''}`
  return {
    header,
    source,
    identifier,
    workBytes: 4 * fftLength,
    constantBytes: tableBytes(frontEnd) + (prepare?.constantBytes ?? 0),
  }
}
