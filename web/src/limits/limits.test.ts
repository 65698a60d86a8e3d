import { describe, expect, it } from 'vitest'
import { draftOf, settingsOf, unreadable } from './draft.ts'
import { readAmount, writeAmount } from './units.ts'

describe('an amount', () => {
  it('is read with its unit, and written in the largest that fits', () => {
    expect(readAmount('512M', 'size')).toBe(512 * 1024 ** 2)
    expect(readAmount(' 2 g ', 'size')).toBe(2 * 1024 ** 3)
    expect(readAmount('8h', 'time')).toBe(28_800)
    expect(readAmount('90', 'time')).toBe(90)
    expect(readAmount('', 'plain')).toBeNull()
    for (const wrong of ['x', '1.5', '-1', '5h', '9999999999999T']) {
      expect(readAmount(wrong, wrong === '5h' ? 'plain' : 'size'), wrong).toBeUndefined()
    }
    expect(writeAmount(5400, 'time')).toBe('90m')
    expect(writeAmount(1024 ** 3, 'size')).toBe('1G')
    expect(writeAmount(0, 'plain')).toBe('0')
    expect(writeAmount(null, 'size')).toBe('')
  })
})

describe('a draft of settings', () => {
  const settings = {
    environment: [
      { name: 'A', value: '1' },
      { name: 'T', secret: true },
    ],
    deny: ['X*'],
    allow: ['LANG', 'LC_*'],
    umask: '027',
    limits: { open_files: 64, group: { memory: 1024 ** 3 } },
    private_tmp: false,
    read_only: ['/etc'],
    idle_timeout: 3600,
    max_sessions: 0,
  }

  it('gives back what it was made of, without a value for a secret that stays', () => {
    const back = settingsOf(draftOf(settings), settings)
    expect(JSON.parse(JSON.stringify(back, (_, value) => value ?? undefined))).toEqual(settings)
    expect(back.max_lifetime).toBeNull()
  })

  it('keeps a list that allows nothing, and inherits where nothing is said', () => {
    expect(settingsOf(draftOf({ allow: [] }), { allow: [] }).allow).toEqual([])
    expect(settingsOf(draftOf({}), {}).allow).toBeNull()
  })

  it('sends a secret that was typed anew, and knows what it cannot read', () => {
    const draft = draftOf(settings)
    draft.variables = draft.variables.map((one) => (one.secret ? { ...one, value: 'new' } : one))
    expect(settingsOf(draft, settings).environment?.[1]).toEqual({ name: 'T', value: 'new', secret: true })
    const wrong = { ...draft, numbers: { ...draft.numbers, 'limits.memory': 'much' } }
    expect([...unreadable(wrong)]).toEqual(['limits.memory'])
  })
})
