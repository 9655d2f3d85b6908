import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'ava'
import { loadOwnModule, OwnCodeError, ownCall, watched } from '../../lib/own-code.ts'

const SECONDS = 0.3
const call = (what: string) => ({ owner: "the space file './mine.ts'", what })
const forever = (): never => {
  for (;;);
}

/** Writes a module and loads it. */
async function load(t: import('ava').ExecutionContext, text: string) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'frugal-own-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'mine.mjs')
  writeFileSync(file, text)
  return loadOwnModule(file, "the space file './mine.mjs'", SECONDS)
}

test.serial('a call gives what it gives and throws what it throws', (t) => {
  t.is(
    ownCall(call('genes(task)'), SECONDS, () => 7),
    7,
  )
  const error = t.throws(() =>
    ownCall(call('genes(task)'), SECONDS, () => {
      throw new RangeError('boom')
    }),
  )
  t.true(error instanceof RangeError)
})

test.serial('a call without an end is ended, and the innermost one is named', (t) => {
  const looping = () => ownCall(call('ask()'), SECONDS, () => ownCall(call('decode([1])'), 1000, forever))
  const expected = {
    instanceOf: OwnCodeError,
    message: /^the space file '.\/mine.ts' is not right: decode\(\[1\]\) has not come back after 0.3 s/,
  }
  t.throws(looping, expected)
  // Everything is as before it: the next one is ended too, and a quick one comes back.
  t.throws(looping, expected)
  t.is(
    ownCall(call('genes(task)'), SECONDS, () => 1),
    1,
  )
  const after = () =>
    ownCall(call('ask()'), SECONDS, () => {
      ownCall(call('decode([1])'), SECONDS, () => 1)
      return forever()
    })
  t.throws(after, { message: /: ask\(\) has not come back/ })
})

test.serial('what a call prints goes to standard error', (t) => {
  const [out, error] = [process.stdout.write, process.stderr.write]
  const written: string[] = []
  try {
    process.stdout.write = (text) => written.push(`out ${text}`) > 0
    process.stderr.write = (text) => written.push(`err ${text}`) > 0
    ownCall(call('genes(task)'), SECONDS, () => process.stdout.write('a'))
    process.stdout.write('b')
  } finally {
    process.stdout.write = out
    process.stderr.write = error
  }
  t.deepEqual(written, ['err a', 'out b'])
})

test.serial(
  'work of ours is bounded once something of the user’s own is loaded, and process.exit throws in it',
  async (t) => {
    const { default: mine } = await load(t, 'export default () => process.exit(0)')
    t.throws(() => ownCall(call('genes(task)'), SECONDS, mine as () => void), {
      instanceOf: OwnCodeError,
      message: /genes\(task\) calls process\.exit\(0\)/,
    })
    t.throws(mine as () => void, { message: /the space file '.\/mine.mjs' is not right: it calls process\.exit\(0\)/ })
    t.throws(() => watched('a proposal', mine as () => void), { message: /a proposal calls process\.exit/ })
  },
)

for (const [name, text, message] of [
  ['ends the process', 'process.exit(3)', /loading it calls process\.exit\(3\)/],
  ['loops', 'for (;;);', /loading it has not come back after 0\.3 s/],
  ['waits for ever', 'await new Promise(() => {})', /loading it has not come back after 0\.3 s/],
  ['throws', "throw new Error('boom\\nand more')", /does not load: boom$/],
  ['throws nothing', 'throw undefined', /does not load: undefined$/],
  ['throws after waiting', "await 1; throw new Error('boom')", /does not load: boom$/],
  ['cannot be read', 'export default (', /does not load: /],
] as const) {
  test.serial(`a module that ${name} is refused in one sentence`, async (t) => {
    const error = await t.throwsAsync(() => load(t, text))
    t.is(error?.name, 'UserError')
    t.regex(error!.message, message)
    t.false(error!.message.includes('\n'))
  })
}

test.serial('a module that waits at its top level is loaded', async (t) => {
  t.is((await load(t, 'export default await Promise.resolve(5)')).default, 5)
})
