import { describe, expect, it } from 'vitest'
import type { Review } from '../api/rules.ts'
import { secondOf } from '../replay/timeline.tsx'
import { shown } from '../rules/words.tsx'
import { afterEvent } from './store.ts'

const review = (id: string, more: Partial<Review> = {}) =>
  ({
    ...{
      id,
      state: 'open',
      session: 's',
      user: { id: 1, name: 'ops' },
      server: null,
      account: 'a',
      door: 'exec',
    },
    ...{
      line: null,
      argv: ['reboot'],
      cwd: null,
      rule: null,
      reason: null,
      opened: `2026-01-0${id}T00:00:00Z`,
    },
    ...{
      expires: null,
      closed: null,
      decided_by: null,
      decision: null,
      may: { decide: true, cancel: false },
    },
    ...more,
  }) as Review

describe('what waits', () => {
  it('is once in the list, the oldest first, and goes when it is decided', () => {
    const two = afterEvent([review('2')], { type: 'review_opened', review: review('1') })
    expect(two?.map(({ id }) => id)).toEqual(['1', '2'])
    const again = afterEvent(two ?? [], { type: 'review_opened', review: review('1', { account: 'b' }) })
    expect(again?.map(({ id, account }) => id + account)).toEqual(['1b', '2a'])
    const closed = review('1', { state: 'refused' })
    expect(afterEvent(two ?? [], { type: 'review_closed', review: closed })?.map(({ id }) => id)).toEqual([
      '2',
    ])
  })

  it('is asked for when an event does not say what', () => {
    expect(afterEvent([review('1')], { type: 'review_closed' })).toBeNull()
  })

  it('is shown as it is, also what cannot be seen', () => {
    expect(shown('a b')).toBe('a b')
    expect(shown('')).toBe("''")
    expect(shown('x\u202egpj.exe\n\x1b[2K')).toBe('x\\u{202e}gpj.exe\\n\\u{1b}[2K')
  })
})

describe('a verdict', () => {
  it('is at its place in the recording, by its offset or else by its time', () => {
    const started = '2026-01-01T00:00:00Z'
    expect(secondOf({ at: '2026-01-01T00:00:09Z', offset_ms: 4500 }, started)).toBe(4.5)
    expect(secondOf({ at: '2026-01-01T00:00:09Z', offset_ms: null }, started)).toBe(9)
    expect(secondOf({ at: '2025-12-31T23:00:00Z', offset_ms: null }, started)).toBe(0)
  })
})
