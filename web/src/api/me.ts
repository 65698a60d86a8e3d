// Who is logged in here, for the whole page.

import { useSyncExternalStore } from 'react'
import { getMe, Problem, whenNotLoggedIn } from './client.ts'
import type { Me, Right } from './types.ts'

/** `out`: nobody. `unreachable`: the server did not answer, and nothing is known yet. */
export type Who =
  | { state: 'loading' | 'out' }
  | { state: 'unreachable'; problem: Problem }
  | { state: 'in'; me: Me }

class MeStore {
  private who: Who = { state: 'loading' }
  private readonly listeners = new Set<() => void>()
  private asked = 0

  constructor() {
    whenNotLoggedIn(() => this.out())
  }

  readonly get = (): Who => this.who

  readonly subscribe = (changed: () => void): (() => void) => {
    this.listeners.add(changed)
    if (this.asked === 0) void this.load()
    return () => {
      this.listeners.delete(changed)
    }
  }

  /** Asks the server (again): somebody has logged in, or rights have changed. */
  readonly load = async (): Promise<void> => {
    this.asked += 1
    const mine = this.asked
    try {
      const me = await getMe()
      if (mine === this.asked) this.set({ state: 'in', me })
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      if (mine !== this.asked) return
      if (error.status === 401) this.out()
      else if (this.who.state !== 'in') this.set({ state: 'unreachable', problem: error })
    }
  }

  /** The login is over. */
  readonly out = (): void => {
    this.asked += 1
    if (this.who.state !== 'out') this.set({ state: 'out' })
  }

  private set(who: Who): void {
    this.who = who
    for (const changed of this.listeners) changed()
  }
}

export const meStore = new MeStore()

export function useWho(): Who {
  return useSyncExternalStore(meStore.subscribe, meStore.get)
}

/** Null while nobody is known to be logged in. */
export function useMe(): Me | null {
  const who = useWho()
  return who.state === 'in' ? who.me : null
}

export function useRight(right: Right): boolean {
  return useMe()?.rights.includes(right) ?? false
}
