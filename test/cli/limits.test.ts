import test from 'ava'
import { devicesOf, limitsOf } from '../../cli/actions/settings.ts'
import type { SearchArguments } from '../../cli/search-options.ts'

const limits = (args: Partial<SearchArguments>) => limitsOf(args as SearchArguments, ['a', 'b'])
const devices = (...device: readonly string[]) => devicesOf({ device } as unknown as SearchArguments)
const refused = (message: string | RegExp) => ({ name: 'UserError', message })

test('limits for all devices and for one, whatever their order; the own one goes before', (t) => {
  t.deepEqual(limits({}), [{}, {}])
  for (const latency of [
    ['50ms', 'b=20ms'],
    ['b=20ms', '50ms'],
  ]) {
    t.deepEqual(limits({ 'max-latency': latency, 'max-ram': ['2000B'] }), [
      { maxLatencyMs: 50, maxRamBytes: 2000 },
      { maxLatencyMs: 20, maxRamBytes: 2000 },
    ])
  }
  t.deepEqual(limits({ 'max-energy': ['a=3mJ', 'b=500uJ'], 'max-flash': ['b=1000B'] }), [
    { maxEnergyMj: 3 },
    { maxEnergyMj: 0.5, maxFlashBytes: 1000 },
  ])
  t.deepEqual(limits({ 'max-latency': ['1s', 'a=2s'], 'max-energy': ['b=1mJ'] }), [
    { maxLatencyMs: 2000 },
    { maxLatencyMs: 1000, maxEnergyMj: 1 },
  ])
})

test('limits given twice, for an unknown device or without a value are refused', (t) => {
  t.throws(
    () => limits({ 'max-latency': ['1ms', '2ms'] }),
    refused('--max-latency is given 2 times without a device: give it once, or as DEVICE=VALUE'),
  )
  t.throws(
    () => limits({ 'max-ram': ['a=1B', '3B', 'a=2B'] }),
    refused("--max-ram is given twice for the device 'a': give it once"),
  )
  t.throws(() => limits({ 'max-flash': ['c=1B'] }), refused(/^--max-flash 'c=1B': unknown device 'c'/))
  t.throws(() => limits({ 'max-flash': ['=1B'] }), refused(/^--max-flash '=1B': unknown device ''/))
  t.throws(() => limits({ 'max-energy': ['a='] }), refused(/^--max-energy/))
  t.throws(() => limits({ 'max-latency': ['a=b=1ms'] }), refused(/^--max-latency/))
})

test('devices are repeated or separated by commas, each once', (t) => {
  t.deepEqual(devices('a,b', ' c '), ['a', 'b', 'c'])
  t.true(devicesOf({} as SearchArguments).length === 3)
  t.throws(() => devices('a,'), refused('--device has an empty name: write one or several, separated by commas'))
  t.throws(() => devices('a', 'b,a'), refused("--device 'a' is given twice: name each device once"))
})
