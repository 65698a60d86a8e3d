// Addresses of the client. Small on purpose: an address names what is shown, the history is the browser's.

import { useMemo, useSyncExternalStore } from 'react'

export type Place =
  | { page: 'home' }
  | { page: 'terminal'; uid: string; watch: boolean }
  | { page: 'login'; token: string | null; next: string }
  | { page: 'share'; token: string }
  | { page: 'recordings' }
  | { page: 'recording'; id: string; at: number }
  | { page: 'servers' }
  | { page: 'server'; id: string }
  | { page: 'files'; id: string }
  | { page: 'credentials' }
  | { page: 'access' }
  | { page: 'requests' }
  | { page: 'connections' }
  | { page: 'hosts' }
  | { page: 'limits' }
  | { page: 'rules' | 'rule_groups' | 'rule_versions' | 'reviews' | 'alerts' }
  | { page: 'users' }
  | { page: 'settings' }
  | { page: 'missing' }

const UID = '([0-9a-fA-F-]{36})'
const TERMINAL = new RegExp(`^/t/${UID}/?$`)
const SERVER = /^\/servers\/(\d{1,15})\/?$/
const FILES = /^\/servers\/(\d{1,15})\/files\/?$/
const RECORDING = new RegExp(`^/recordings/${UID}/?$`)

/** `link` is the token of a login link, once it has been taken out of the address. */
export function readPlace(pathname: string, search: string, link: string | null = null): Place {
  const query = new URLSearchParams(search)
  const uid = TERMINAL.exec(pathname)?.[1]
  if (uid) return { page: 'terminal', uid, watch: query.get('watch') === '1' }
  const id = RECORDING.exec(pathname)?.[1]
  if (id) return { page: 'recording', id, at: seconds(query.get('t')) }
  const server = SERVER.exec(pathname)?.[1]
  if (server) return { page: 'server', id: server }
  const files = FILES.exec(pathname)?.[1]
  if (files) return { page: 'files', id: files }
  const share = /^\/s\/([\w-]+)\/?$/.exec(pathname)?.[1]
  if (share) return { page: 'share', token: share }
  switch (pathname.replace(/(?<=.)\/$/, '')) {
    case '/':
      return { page: 'home' }
    case '/login':
      return { page: 'login', token: link, next: inside(query.get('next')) }
    case '/recordings':
      return { page: 'recordings' }
    case '/servers':
      return { page: 'servers' }
    case '/credentials':
      return { page: 'credentials' }
    case '/access':
      return { page: 'access' }
    case '/requests':
      return { page: 'requests' }
    case '/connections':
      return { page: 'connections' }
    case '/hosts':
      return { page: 'hosts' }
    case '/limits':
      return { page: 'limits' }
    case '/rules':
      return { page: 'rules' }
    case '/rules/groups':
      return { page: 'rule_groups' }
    case '/rules/versions':
      return { page: 'rule_versions' }
    case '/reviews':
      return { page: 'reviews' }
    case '/alerts':
      return { page: 'alerts' }
    case '/users':
      return { page: 'users' }
    case '/settings':
      return { page: 'settings' }
    default:
      return { page: 'missing' }
  }
}

function seconds(text: string | null): number {
  const value = Number(text ?? 0)
  return Number.isFinite(value) && value > 0 ? value : 0
}

/** Where to go after a login: an address of ours, never one of another site. */
export function inside(next: string | null): string {
  if (!next?.startsWith('/') || /^\/[/\\]/.test(next)) return '/'
  return readPlace(next.split(/[?#]/)[0] ?? '/', '').page === 'login' ? '/' : next
}

export function terminalAddress(uid: string, watch = false): string {
  return `/t/${uid}${watch ? '?watch=1' : ''}`
}

export function serverAddress(id: number): string {
  return `/servers/${id}`
}

/** Files of a server, from the account's own directory on where no path is given. */
export function filesAddress(id: number, path = ''): string {
  return `/servers/${id}/files${path && `?${new URLSearchParams({ path })}`}`
}

export function recordingAddress(id: string, at = 0): string {
  return `/recordings/${id}${at > 0 ? `?t=${Math.floor(at)}` : ''}`
}

export function loginAddress(next: string): string {
  return next === '/' ? '/login' : `/login?next=${encodeURIComponent(next)}`
}

/**
 * Takes the token of a login link out of the address, before anything can copy it from there. It stays with
 * this entry of the history, so that a reload shows the same page.
 */
export function hideLinkToken(): void {
  const token = location.pathname === '/login' && new URLSearchParams(location.search).get('token')
  if (token) history.replaceState({ link: token }, '', '/login')
}

function linkToken(): string | null {
  const link: unknown = history.state?.link
  return typeof link === 'string' ? link : null
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

/** Path and query of what is shown. */
export function useAddress(): string {
  return useSyncExternalStore(subscribe, () => location.pathname + location.search)
}

export function usePlace(): Place {
  const address = useAddress()
  return useMemo(() => {
    const { pathname, search } = new URL(address, location.origin)
    return readPlace(pathname, search, linkToken())
  }, [address])
}

/** The values of the query, and how to change some: an empty one is taken out. */
export function useQuery(): [URLSearchParams, (change: Record<string, string>) => void] {
  const address = useAddress()
  const query = useMemo(() => new URL(address, location.origin).searchParams, [address])
  return [query, changeQuery]
}

function changeQuery(change: Record<string, string>): void {
  const query = new URLSearchParams(location.search)
  for (const [name, value] of Object.entries(change)) {
    if (value) query.set(name, value)
    else query.delete(name)
  }
  const rest = query.toString()
  goInstead(location.pathname + (rest && `?${rest}`))
}

/** Where a session is looked at: one of lines has no terminal, and its recording grows. */
export function sessionAddress({
  uid,
  access,
  label,
}: {
  uid: string
  access: string
  label: string | null
}): string {
  return label === 'line' ? recordingAddress(uid) : terminalAddress(uid, access === 'watch')
}
