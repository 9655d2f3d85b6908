import test from 'ava'
import { emptyFacts, FEATURES } from '../../hardware-profiles/features.ts'
import { factsOfRow } from '../../hardware-profiles/table.ts'
import { windowOutput, windowPadding } from '../../network/shapes.ts'

test('window positions inside the map are those counted one by one', (t) => {
  for (const padding of ['same', 'valid'] as const) {
    for (const length of [1, 2, 5, 8, 13]) {
      for (const kernel of [1, 2, 3, 5, 7, 20]) {
        for (const stride of [1, 2, 3, 8]) {
          const outputs = windowOutput(length, kernel, stride, padding)
          if (outputs < 1) continue
          const [before] = windowPadding(length, kernel, stride, padding)
          let taps = 0
          for (let i = 0; i < outputs * kernel; i++) {
            const position = Math.floor(i / kernel) * stride - before + (i % kernel)
            if (position >= 0 && position < length) taps++
          }
          const facts = {
            ...emptyFacts(),
            inWidth: length,
            kernelWidth: kernel,
            strideWidth: stride,
            outWidth: outputs,
          }
          facts.same = padding === 'same' ? 1 : 0
          t.is(FEATURES.insideTaps(facts), taps, `${length} ${kernel} ${stride} ${padding}`)
        }
      }
    }
  }
})

test('MACs as an accelerator sweeps them: 32 channels a place, or 16 at four places, and what the last blocks waste', (t) => {
  const swept = (inChannels: number, kernel: number, filters = 8): number => {
    const facts = factsOfRow('conv2d', [4, 4, inChannels, filters, kernel, kernel, 1, 1, 1, 1])
    return FEATURES.sweptMacs(facts) / facts.macs
  }
  t.is(swept(32, 3), 1)
  t.is(swept(64, 1), 1)
  t.is(swept(16, 3), 12 / 9)
  t.is(swept(24, 3), (12 * 32) / (9 * 24), 'four places of the window, 16 channels each time')
  t.is(swept(80, 3), 96 / 80, 'all 80 channels at one place waste less')
  t.is(swept(3, 5), (28 * 8) / (25 * 3))
  t.is(swept(32, 3, 12), 16 / 12)
  const depthwise = factsOfRow('depthwiseConv2d', [5, 4, 12, 12, 3, 3, 1, 1, 1, 1])
  t.is(FEATURES.sweptMacs(depthwise), 5 * 4 * 16 * 12)
  t.is(FEATURES.sweptMacs2x2(depthwise), 6 * 4 * 16 * 12)
  t.is(FEATURES.sweptMacs(factsOfRow('maxPool', [4, 4, 3, 3, 2, 2, 2, 2, 0, 1])), 2 * 2 * 8 * 4)
})

test('taps of a window with gaps inside the map are those counted one by one', (t) => {
  for (const padding of ['same', 'valid'] as const) {
    for (const length of [4, 7, 14]) {
      for (const [kernel, apart] of [
        [3, 2],
        [3, 6],
        [3, 12],
        [5, 2],
      ] as const) {
        for (const stride of [1, 2]) {
          const reach = apart * (kernel - 1) + 1
          const outputs = windowOutput(length, reach, stride, padding)
          if (outputs < 1) continue
          const [before] = windowPadding(length, reach, stride, padding)
          let taps = 0
          for (let i = 0; i < outputs * kernel; i++) {
            const position = Math.floor(i / kernel) * stride - before + (i % kernel) * apart
            if (position >= 0 && position < length) taps++
          }
          const facts = {
            ...emptyFacts(),
            ...{ inHeight: length, inWidth: length, kernelHeight: kernel, kernelWidth: kernel },
            ...{ strideHeight: stride, strideWidth: stride, outHeight: outputs, outWidth: outputs },
            dilation: apart ** 2,
            same: padding === 'same' ? 1 : 0,
          }
          t.is(FEATURES.insideTaps(facts), taps ** 2, `${length} ${kernel} ${apart} ${stride} ${padding}`)
        }
      }
    }
  }
})
