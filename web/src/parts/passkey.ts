// The browser's passkeys (WebAuthn level 3): what the server asks, as the browser takes it, and the answer back.
// Bytes are base64url in JSON.

import { Problem } from '../api/client.ts'

const toBytes = (text: string): ArrayBuffer => {
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0)).buffer
}

const toText = (bytes: ArrayBuffer): string =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

/** The parts of the server's words that are not as the browser takes them. */
interface Asked {
  challenge: string
  user: { id: string; name: string; displayName: string }
  rp: { id: string; name: string }
  pubKeyCredParams: PublicKeyCredentialParameters[]
  excludeCredentials?: Described[]
  allowCredentials?: Described[]
}

interface Described {
  id: string
  type: 'public-key'
}

const described = (list: Described[] | undefined) =>
  list?.map((one) => ({ ...one, id: toBytes(one.id) })) ?? []

/** Whether this browser has passkeys here: only over TLS, or on this machine. */
export const hasPasskeys = () => typeof PublicKeyCredential !== 'undefined'

/** The person closed the browser's question, or it took too long: nothing to tell them. */
export const GIVEN_UP = 'passkey_given_up'

/** What is wrong, as a problem that can be shown. */
async function asked<T>(question: Promise<T | null>): Promise<T> {
  try {
    const answer = await question
    if (answer) return answer
    throw new Problem(400, '', { kind: GIVEN_UP })
  } catch (error) {
    if (error instanceof Problem) throw error
    const known = error instanceof DOMException && error.name === 'InvalidStateError'
    throw new Problem(400, '', { kind: known ? 'passkey_known' : GIVEN_UP })
  }
}

/** As the server reads it; `response` is what only a new one, or only a signature has. */
const answer = (credential: PublicKeyCredential, response: object) => ({
  id: credential.id,
  rawId: toText(credential.rawId),
  type: credential.type,
  response: { clientDataJSON: toText(credential.response.clientDataJSON), ...response },
  extensions: {},
})

/** Makes one; what it gives goes to the server. */
export async function makePasskey(options: unknown): Promise<unknown> {
  const { publicKey: o } = options as { publicKey: Asked }
  const credential = (await asked(
    navigator.credentials.create({
      publicKey: {
        ...o,
        challenge: toBytes(o.challenge),
        user: { ...o.user, id: toBytes(o.user.id) },
        excludeCredentials: described(o.excludeCredentials),
      },
    }),
  )) as PublicKeyCredential
  const response = credential.response as AuthenticatorAttestationResponse
  return answer(credential, {
    attestationObject: toText(response.attestationObject),
    transports: response.getTransports?.() ?? [],
  })
}

/** Has one sign; what it gives goes to the server. */
export async function askForPasskey(options: unknown): Promise<unknown> {
  const { publicKey: o } = options as { publicKey: Asked }
  const credential = (await asked(
    navigator.credentials.get({
      publicKey: {
        ...o,
        challenge: toBytes(o.challenge),
        allowCredentials: described(o.allowCredentials),
      },
    }),
  )) as PublicKeyCredential
  const response = credential.response as AuthenticatorAssertionResponse
  return answer(credential, {
    authenticatorData: toText(response.authenticatorData),
    signature: toText(response.signature),
    ...(response.userHandle && { userHandle: toText(response.userHandle) }),
  })
}
