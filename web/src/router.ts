// Addresses of the client. Small on purpose: an address names what is shown, the history is the browser's.

import { useSyncExternalStore } from 'react'

export type Place = { page: 'home' } | { page: 'terminal'; uid: string; watch: boolean } | { page: 'missing' }

export function readPlace(pathname: string, search: string): Place {
  if (pathname === '/') return { page: 'home' }
  const uid = /^\/t\/([0-9a-fA-F-]{36})\/?$/.exec(pathname)?.[1]
  if (uid) return { page: 'terminal', uid, watch: new URLSearchParams(search).get('watch') === '1' }
  return { page: 'missing' }
}

export function terminalAddress(uid: string, watch = false): string {
  return `/t/${uid}${watch ? '?watch=1' : ''}`
}

const CHANGED = 'bastide:place'

export function go(address: string): void {
  history.pushState(null, '', address)
  window.dispatchEvent(new Event(CHANGED))
}

/** As `go`, without a step in the history. */
export function goInstead(address: string): void {
  history.replaceState(null, '', address)
  window.dispatchEvent(new Event(CHANGED))
}

function subscribe(changed: () => void): () => void {
  window.addEventListener('popstate', changed)
  window.addEventListener(CHANGED, changed)
  return () => {
    window.removeEventListener('popstate', changed)
    window.removeEventListener(CHANGED, changed)
  }
}

export function usePlace(): Place {
  const address = useSyncExternalStore(subscribe, () => location.pathname + location.search)
  const question = address.indexOf('?')
  return question === -1
    ? readPlace(address, '')
    : readPlace(address.slice(0, question), address.slice(question))
}
