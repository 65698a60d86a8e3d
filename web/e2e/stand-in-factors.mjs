// Second factors of the stand-in: what one has, and what is asked when logging in.

const at = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString()
export const CODE = '287082'
export const OFFER = {
  secret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
  uri: 'otpauth://totp/Bastide:admin%40bastide.test?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Bastide',
}
const CODES = Array.from({ length: 10 }, (_, n) => `${n}a1b-2c3d-4e5f-6g7h`)

export const ownFactors = () => ({
  totp: { created: at(60 * 24 * 30), last_used: at(12) },
  passkeys: [
    {
      id: '01900000-0000-7000-8000-000000000860',
      name: 'security key',
      ...{ created: at(60 * 24 * 9), last_used: null },
    },
  ],
  recovery_codes_left: 8,
  required: false,
  password_set: true,
  passkeys_possible: true,
})

/** What the first step is answered. */
export const secondFactorNeeded = (ways) => ({
  status: 401,
  kind: 'second_factor_needed',
  detail: 'a second factor is needed too',
  more: { second_factor: { token: '0'.repeat(64), ways, expires: at(-5) } },
})

/** `null` when it is about nothing here. */
export function aboutFactors(server, asked, body) {
  switch (asked) {
    case 'GET /api/v1/me/factors':
      return { status: 200, body: server.factors }
    case 'POST /api/v1/me/factors/totp':
      if (body.password !== server.password) return { status: 403, kind: 'bad_credentials', detail: 'wrong' }
      return { status: 200, body: OFFER }
    case 'POST /api/v1/me/factors/totp/confirm':
      if (body.code !== CODE) return { status: 403, kind: 'bad_code', detail: 'wrong' }
      server.factors.totp = { created: at(0), last_used: null }
      return { status: 200, body: { recovery_codes: CODES } }
    case 'POST /api/v1/me/factors/recovery-codes':
      return { status: 200, body: { recovery_codes: CODES } }
    default:
      return null
  }
}
