// What runs now, kept up to date over one WebSocket for the whole page.

import { useSyncExternalStore } from 'react'
import { listSessions, Problem } from './client.ts'
import type { Session } from './types.ts'

export interface Live {
  /** `login`: nobody is logged in. `lost`: the last known state is shown. */
  state: 'loading' | 'live' | 'lost' | 'login'
  /** Newest first. */
  sessions: readonly Session[]
  /** Why the session daemon is not reachable. */
  waiting: string | null
}

export type Message =
  | { type: 'sessions'; sessions: Session[]; waiting: string | null }
  | { type: 'changed'; sessions: Session[]; removed: string[]; waiting: string | null }

/** The state after a message. */
export function apply(live: Live, message: Message): Live {
  const changed = new Map(message.sessions.map((session) => [session.uid, session]))
  const gone = new Set(message.type === 'changed' ? message.removed : [])
  const kept =
    message.type === 'changed'
      ? live.sessions.filter((session) => !changed.has(session.uid) && !gone.has(session.uid))
      : []
  const sessions = [...kept, ...changed.values()].sort(
    (a, b) => b.created.localeCompare(a.created) || b.uid.localeCompare(a.uid),
  )
  return { state: 'live', sessions, waiting: message.waiting }
}

const FIRST_RETRY = 500
const LAST_RETRY = 10_000

class LiveStore {
  private live: Live = { state: 'loading', sessions: [], waiting: null }
  private readonly listeners = new Set<() => void>()
  private socket: WebSocket | null = null
  private failures = 0
  private timer: ReturnType<typeof setTimeout> | undefined

  readonly get = (): Live => this.live

  readonly subscribe = (changed: () => void): (() => void) => {
    this.listeners.add(changed)
    if (this.listeners.size === 1) this.start()
    return () => {
      this.listeners.delete(changed)
    }
  }

  /** Tries at once: somebody has logged in, or the network is back. */
  readonly retry = (): void => {
    if (this.socket || this.listeners.size === 0) return
    this.failures = 0
    this.connect()
  }

  /** The login has ended. */
  readonly loggedOut = (): void => {
    this.set({ state: 'login', sessions: [], waiting: null })
    this.socket?.close()
  }

  private start(): void {
    window.addEventListener('online', this.retry)
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.retry()
    })
    if (!this.socket) this.connect()
  }

  private connect(): void {
    clearTimeout(this.timer)
    const address = new URL('/api/v1/events', location.href)
    address.protocol = address.protocol.replace('http', 'ws')
    const socket = new WebSocket(address)
    this.socket = socket
    let opened = false
    socket.onopen = () => {
      opened = true
      this.failures = 0
    }
    socket.onmessage = (event) => {
      if (typeof event.data === 'string') this.set(apply(this.live, JSON.parse(event.data)))
    }
    socket.onclose = (event) => {
      this.socket = null
      if (event.code === 4401) {
        this.loggedOut()
        return
      }
      // A browser does not say why a connection was refused; a request does.
      if (!opened) void this.ask()
      this.retryLater()
    }
  }

  private async ask(): Promise<void> {
    try {
      const sessions = await listSessions()
      if (this.live.state === 'loading') this.set({ state: 'lost', sessions, waiting: null })
    } catch (error) {
      if (error instanceof Problem && error.status === 401) {
        clearTimeout(this.timer)
        this.loggedOut()
      }
    }
  }

  private retryLater(): void {
    if (this.live.state !== 'login' && this.live.state !== 'loading')
      this.set({ ...this.live, state: 'lost' })
    const delay = Math.min(LAST_RETRY, FIRST_RETRY * 2 ** this.failures) * (0.5 + Math.random() / 2)
    this.failures += 1
    this.timer = setTimeout(() => this.connect(), delay)
  }

  private set(live: Live): void {
    this.live = live
    for (const changed of this.listeners) changed()
  }
}

export const liveStore = new LiveStore()

export function useLive(): Live {
  return useSyncExternalStore(liveStore.subscribe, liveStore.get)
}
