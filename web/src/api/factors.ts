// Second factors: the second step of logging in, and what one has.

import { id, json, type LoggedIn, nothing } from './client.ts'
import type { components } from './schema.d.ts'

type Schemas = components['schemas']
export type Factors = Schemas['Factors']
export type Passkey = Schemas['Passkey']
export type TotpOffer = Schemas['TotpOffer']

export type Way = 'totp' | 'passkey' | 'recovery' | 'enrol'

/** The first step was right; the second is to come. */
export interface SecondFactor {
  token: string
  ways: Way[]
  expires: string
}

export type Taken = LoggedIn & { recovery_codes: string[] | null }

export const takeCode = (token: string, code: string) =>
  json<Taken>('POST', '/api/v1/login/second-factor', { token, code })
export const takePasskey = (token: string, passkey: unknown) =>
  json<Taken>('POST', '/api/v1/login/second-factor', { token, passkey })
export const askPasskey = (token: string) =>
  json<{ options: unknown }>('POST', '/api/v1/login/second-factor/passkey', { token })
/** What an app is set up with by somebody who needs one to get in. */
export const offerEnrolment = (token: string) =>
  json<TotpOffer>('POST', '/api/v1/login/second-factor/enrolment', { token })

/** To log in by a passkey alone. */
export const askAnyPasskey = () => json<{ id: string; options: unknown }>('POST', '/api/v1/login/passkey')
export const logInByPasskey = (asked: string, passkey: unknown) =>
  json<LoggedIn>('POST', '/api/v1/login/passkey/answer', { id: asked, passkey })

// Of who is logged in.

const OWN = '/api/v1/me/factors'
type Codes = { recovery_codes: string[] | null }

export const getFactors = () => json<Factors>('GET', OWN)
export const offerTotp = (password: string) => json<TotpOffer>('POST', `${OWN}/totp`, { password })
export const confirmTotp = (code: string) => json<Codes>('POST', `${OWN}/totp/confirm`, { code })
export const removeTotp = (password: string) => nothing('POST', `${OWN}/totp/remove`, { password })
export const renewCodes = (password: string) => json<Codes>('POST', `${OWN}/recovery-codes`, { password })
export const offerPasskey = (password: string, name: string) =>
  json<{ options: unknown }>('POST', `${OWN}/passkeys/begin`, { password, name })
export const addPasskey = (passkey: unknown) =>
  json<Codes & { passkey: Passkey }>('POST', `${OWN}/passkeys`, { passkey })
export const renamePasskey = (passkey: string, name: string) =>
  nothing('PATCH', `${OWN}/passkeys/${id(passkey)}`, { name })
export const removePasskey = (passkey: string, password: string) =>
  nothing('POST', `${OWN}/passkeys/${id(passkey)}/remove`, { password })

export const resetFactors = (user: number) => nothing('POST', `/api/v1/users/${user}/factors/reset`)
