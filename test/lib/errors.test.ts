import test from 'ava'
import { z } from 'zod'
import { messageOf } from '../../lib/errors.ts'

test('messages are one line: of a schema the first complaint with its place', (t) => {
  const complaint = z.strictObject({ a: z.strictObject({ b: z.number() }) }).safeParse({ a: { b: 'x' } }).error
  t.regex(messageOf(complaint), /^a\.b: [^\n]*number[^\n]*$/)
  t.regex(messageOf(z.number().safeParse('x').error), /^[^:\n]*: expected number/)
  t.is(messageOf(new Error('plain')), 'plain')
  t.is(messageOf('text'), 'text')
})
