import { describe, expect, it } from 'vitest'
import { isFailure, readReason, secondsLeft } from './ssh.ts'

const one = `SHA256:${'a'.repeat(43)}`
const other = `SHA256:${'B'.repeat(43)}`

describe('why there is no shell', () => {
  it('is a failure only when something was said about the connection', () => {
    expect(isFailure(255, 'connect: refused')).toBe(true)
    expect(isFailure(255, '')).toBe(false)
    expect(isFailure(0, 'connected')).toBe(false)
  })

  it('is a changed host key with what was shown and what is accepted', () => {
    const reason = readReason(`host key: db-1 shows ${one}, which differs from the accepted ${other}`)
    expect(reason).toMatchObject({ changed: true, fingerprints: [one, other] })
    expect(readReason('host key: refused by a person').changed).toBe(false)
    expect(readReason('connect: the address has changed').changed).toBe(false)
  })

  it('counts down to nothing', () => {
    const now = Date.parse('2030-01-01T00:00:00Z')
    expect(secondsLeft('2030-01-01T00:00:10.5Z', now)).toBe(11)
    expect(secondsLeft('2029-01-01T00:00:00Z', now)).toBe(0)
    expect(secondsLeft('when it is time', now)).toBe(0)
  })
})
