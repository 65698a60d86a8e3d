// The servers on which this browser last opened a terminal, newest first, and with which credential.

import { useSyncExternalStore } from 'react'

export interface Recent {
  id: number
  name: string
  /** Null: the server's own. */
  credential: number | null
}

const KEY = 'bastide.servers'
const CHANGED = 'bastide:servers'
const MOST = 8

/** What was stored, whoever wrote it. */
export function readRecent(stored: string | null): Recent[] {
  let said: unknown
  try {
    said = JSON.parse(stored ?? '[]')
  } catch {
    return []
  }
  if (!Array.isArray(said)) return []
  return said
    .filter((one): one is Recent => typeof one?.id === 'number' && typeof one?.name === 'string')
    .map(({ id, name, credential }) => ({
      id,
      name,
      credential: typeof credential === 'number' ? credential : null,
    }))
    .slice(0, MOST)
}

export function addRecent(list: readonly Recent[], used: Recent): Recent[] {
  return [used, ...list.filter((one) => one.id !== used.id)].slice(0, MOST)
}

let cached: { stored: string | null; list: Recent[] } = { stored: null, list: [] }

export function recentServers(): Recent[] {
  let stored: string | null = null
  try {
    stored = localStorage.getItem(KEY)
  } catch {
    // Forbidden: then nothing is remembered.
  }
  if (stored !== cached.stored) cached = { stored, list: readRecent(stored) }
  return cached.list
}

function store(list: Recent[]): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(list))
  } catch {
    // Forbidden or full.
  }
  window.dispatchEvent(new Event(CHANGED))
}

export const rememberServer = (used: Recent) => store(addRecent(recentServers(), used))

/** It is not there any more, or not for this person. */
export const forgetServer = (id: number) => store(recentServers().filter((one) => one.id !== id))

function subscribe(changed: () => void): () => void {
  window.addEventListener('storage', changed)
  window.addEventListener(CHANGED, changed)
  return () => {
    window.removeEventListener('storage', changed)
    window.removeEventListener(CHANGED, changed)
  }
}

export function useRecentServers(): Recent[] {
  return useSyncExternalStore(subscribe, recentServers)
}
