import test from 'ava'
import { emptyFacts, FEATURES } from '../../hardware-profiles/features.ts'
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
