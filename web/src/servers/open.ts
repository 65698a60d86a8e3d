// Opening a terminal on a server, from wherever.

import { createSession, Problem } from '../api/client.ts'
import type { Named, Session } from '../api/types.ts'
import { go, terminalAddress } from '../router.ts'
import { forgetServer, recentServers, rememberServer } from './recent.ts'

/** The session is there at once; its shell is reached in the terminal's own page. */
export async function sessionOn(server: Named, credential?: number | null): Promise<Session> {
  try {
    const session = await createSession({
      server_id: server.id,
      ...(credential && { credential_id: credential }),
    })
    rememberServer({ id: server.id, name: server.name, credential: credential ?? null })
    return session
  } catch (error) {
    if (error instanceof Problem && error.status === 404) forgetServer(server.id)
    throw error
  }
}

/** As the last time in this browser. */
export function againOn(server: Named): Promise<Session> {
  return sessionOn(server, recentServers().find((one) => one.id === server.id)?.credential)
}

/** It could log in with several credentials, or has none of its own: one has to be chosen. */
export function needsChoice(error: unknown): boolean {
  return error instanceof Problem && error.status === 422
}

export async function openOn(server: Named, credential?: number | null): Promise<void> {
  go(terminalAddress((await sessionOn(server, credential)).uid))
}
