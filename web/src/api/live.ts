// What runs now, kept up to date over one WebSocket for the whole page.

import { useMemo, useSyncExternalStore } from 'react'
import { listSessions, Problem } from './client.ts'
import { meStore } from './me.ts'
import type { StatusNow } from './servers.ts'
import type { Session } from './types.ts'

export interface Live {
  /** `lost`: the last known state is shown. */
  state: 'loading' | 'live' | 'lost'
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

/** What has been looked at last counts, wherever it was heard. */
export function newest<T extends Pick<StatusNow, 'status' | 'last_check'>>(
  known: T,
  heard: StatusNow | undefined,
): T {
  const later = heard && (heard.last_check ?? '') > (known.last_check ?? '')
  return later ? { ...known, status: heard.status, last_check: heard.last_check } : known
}

type Statuses = ReadonlyMap<number, StatusNow>
const NO_STATUSES: Statuses = new Map()

const FIRST_RETRY = 500
const LAST_RETRY = 10_000

class LiveStore {
  private live: Live = { state: 'loading', sessions: [], waiting: null }
  private statuses = NO_STATUSES
  private readonly listeners = new Set<() => void>()
  private readonly hearers = new Set<(message: { type: string }) => void>()
  private socket: WebSocket | null = null
  private running = false
  private failures = 0
  private timer: ReturnType<typeof setTimeout> | undefined

  readonly get = (): Live => this.live

  /** Of the servers that have been looked at while this page was open. */
  readonly getStatuses = (): Statuses => this.statuses

  readonly subscribe = (changed: () => void): (() => void) => {
    this.listeners.add(changed)
    return () => {
      this.listeners.delete(changed)
    }
  }

  /** The login is over. */
  readonly loggedOut = (): void => meStore.out()

  /** Connects for whoever is logged in, until the returned function is called. */
  readonly start = (): (() => void) => {
    this.running = true
    const seen = () => {
      if (document.visibilityState === 'visible') this.retry()
    }
    window.addEventListener('online', this.retry)
    document.addEventListener('visibilitychange', seen)
    this.connect()
    return () => {
      this.running = false
      window.removeEventListener('online', this.retry)
      document.removeEventListener('visibilitychange', seen)
      clearTimeout(this.timer)
      const socket = this.socket
      this.socket = null
      socket?.close()
      // The next one to log in here may see other things.
      this.statuses = NO_STATUSES
      this.set({ state: 'loading', sessions: [], waiting: null })
    }
  }

  /** Tries at once: the network is back, or somebody asks. */
  readonly retry = (): void => {
    if (this.socket || !this.running) return
    this.failures = 0
    this.connect()
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
      if (socket === this.socket && typeof event.data === 'string') this.hear(JSON.parse(event.data))
    }
    socket.onclose = (event) => {
      if (socket !== this.socket) return
      this.socket = null
      if (event.code === 4401) {
        meStore.out()
        return
      }
      // A browser does not say why a connection was refused; a request does.
      if (!opened) void this.ask()
      this.retryLater()
    }
  }

  /** What else is said there is for whoever asked for it. */
  readonly onMessage = (heard: (message: { type: string }) => void): (() => void) => {
    this.hearers.add(heard)
    return () => {
      this.hearers.delete(heard)
    }
  }

  private hear(message: Message | { type: 'me' } | { type: 'servers'; servers: StatusNow[] }): void {
    for (const heard of this.hearers) heard(message)
    if (message.type === 'me') void meStore.load()
    else if (message.type === 'servers') {
      this.statuses = new Map([...this.statuses, ...message.servers.map((one) => [one.id, one] as const)])
      this.tell()
    } else if (message.type === 'sessions' || message.type === 'changed') this.set(apply(this.live, message))
  }

  private async ask(): Promise<void> {
    try {
      const sessions = await listSessions()
      if (this.running && this.live.state === 'loading') this.set({ state: 'lost', sessions, waiting: null })
    } catch (error) {
      // Nobody logged in: the client has told everyone. Anything else is tried again.
      if (!(error instanceof Problem)) throw error
    }
  }

  private retryLater(): void {
    if (this.live.state === 'live') this.set({ ...this.live, state: 'lost' })
    const delay = Math.min(LAST_RETRY, FIRST_RETRY * 2 ** this.failures) * (0.5 + Math.random() / 2)
    this.failures += 1
    this.timer = setTimeout(() => this.connect(), delay)
  }

  private set(live: Live): void {
    this.live = live
    this.tell()
  }

  private tell(): void {
    for (const changed of this.listeners) changed()
  }
}

export const liveStore = new LiveStore()

export function useLive(): Live {
  return useSyncExternalStore(liveStore.subscribe, liveStore.get)
}

/** Servers as they were answered, with the status that was heard since. */
export function useStatuses<T extends StatusNow>(servers: readonly T[]): T[] {
  const statuses = useSyncExternalStore(liveStore.subscribe, liveStore.getStatuses)
  return useMemo(() => servers.map((one) => newest(one, statuses.get(one.id))), [servers, statuses])
}
