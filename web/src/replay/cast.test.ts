import { describe, expect, it } from 'vitest'
import { CastError, readCast, Squeezed } from './cast.ts'

const V3 = [
  '{"version":3,"term":{"cols":100,"rows":30},"timestamp":1}',
  '# a comment',
  '[0.5,"o","a"]',
  '[10,"o","b"]',
  '[0.25,"i","typed"]',
  '[0.25,"r","120x40"]',
  '[1,"m","here"]',
  '[2,"x","0"]',
].join('\n')

describe('a cast', () => {
  it('of version 3 counts from event to event, also over those that are not shown', () => {
    expect(readCast(V3)).toEqual({
      cols: 100,
      rows: 30,
      events: [
        [0.5, 'o', 'a'],
        [10.5, 'o', 'b'],
        [11, 'r', '120x40'],
        [12, 'm', 'here'],
      ],
      markers: [{ at: 12, label: 'here' }],
      length: 14,
    })
  })

  it('of version 2 counts from the start', () => {
    const cast = readCast('{"version":2,"width":90,"height":20}\n[1,"o","a"]\n[3.5,"o","b"]\n')
    expect(cast).toMatchObject({ cols: 90, rows: 20, length: 3.5 })
    expect(cast.events.map(([at]) => at)).toEqual([1, 3.5])
  })

  it('may break off anywhere after its header', () => {
    for (let end = V3.indexOf('\n'); end <= V3.length; end++) {
      const cast = readCast(V3.slice(0, end))
      expect(cast.cols).toBe(100)
    }
    expect(() => readCast(V3.slice(0, 10))).toThrow(CastError)
    expect(() => readCast('{"version":1}')).toThrow(CastError)
    expect(() => readCast('')).toThrow(CastError)
  })
})

describe('a squeezed cast', () => {
  const cast = readCast(V3)

  it('has no pause longer than it may', () => {
    const short = new Squeezed(cast, 2)
    expect(short.events.map(([at]) => at)).toEqual([0.5, 2.5, 3, 4])
    expect(short.length).toBe(6)
    expect(new Squeezed(cast, Number.POSITIVE_INFINITY).length).toBe(14)
  })

  it('shows the same at times that belong together', () => {
    const short = new Squeezed(cast, 2)
    const last = (events: typeof cast.events, at: number) => events.filter(([time]) => time <= at).at(-1)?.[2]
    for (let at = 0.05; at <= 14; at += 0.1) {
      expect(short.from(at)).toBeLessThanOrEqual(short.length)
      // What was cut out of the long pause lies where that pause ends.
      if (at > 2.5 && at < 10.5) expect(short.from(at)).toBe(2.5)
      else expect(last(short.events, short.from(at)), String(at)).toBe(last(cast.events, at))
    }
    for (let at = 0; at <= 6; at += 0.1) {
      expect(short.from(short.to(at))).toBeCloseTo(at, 6)
    }
    expect(short.from(9)).toBeCloseTo(2.5, 6)
    expect(short.to(short.length)).toBe(14)
  })
})
