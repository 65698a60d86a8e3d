// What the palette offers: pages, actions, sessions, recordings.

import type { TFunction } from 'i18next'
import { createSession } from '../api/client.ts'
import { MAY } from '../api/rules.ts'
import type { Server } from '../api/servers.ts'
import type { Me, Recording, Session } from '../api/types.ts'
import { isOpen, recordingName, sessionName } from '../api/types.ts'
import { LANGUAGES, type Language } from '../i18n.ts'
import { go, recordingAddress, serverAddress, sessionAddress, terminalAddress } from '../router.ts'
import { openOn } from '../servers/open.ts'
import type { Recent } from '../servers/recent.ts'
import { SECTIONS } from '../servers/sections.tsx'
import { addressWords } from '../servers/status.tsx'
import { changeSettings, type Theme } from '../settings.ts'

export interface Command {
  key: string
  group: 'action' | 'page' | 'session' | 'server' | 'recording'
  words: string
  /** Shown beside it, and searched too. */
  more?: string
  run: () => void | Promise<void>
}

const THEMES: readonly Theme[] = ['system', 'light', 'dark']

export interface Known {
  me: Me | null
  sessions: readonly Session[]
  recordings: readonly Recording[]
  servers: readonly Server[]
  /** Those used last come first. */
  recent: readonly Recent[]
  leave: () => Promise<void>
  showKeys: () => void
}

/** Sessions and servers first: this is what one opens most. */
export function commands(t: TFunction, known: Known): Command[] {
  const running = known.sessions.filter(isOpen)
  return [
    ...running.map((session) => ofSession(session)),
    ...servers(t, known),
    ...actions(t, known),
    ...pages(t, known.me),
    ...known.recordings.map((recording) => ofRecording(recording)),
  ]
}

function ofSession(session: Session): Command {
  const where = session.server?.name ?? [session.account, session.cwd].filter(Boolean).join(':')
  return {
    key: `s ${session.uid}`,
    group: 'session',
    words: sessionName(session),
    more: [session.title, where].filter(Boolean).join(' · '),
    run: () => go(sessionAddress(session)),
  }
}

/** Each opens a terminal; those that one may not use lead to their page. */
function servers(t: TFunction, { servers, recent }: Known): Command[] {
  const at = (server: Server) => {
    const index = recent.findIndex((one) => one.id === server.id)
    return index < 0 ? recent.length : index
  }
  return [...servers]
    .sort((a, b) => at(a) - at(b))
    .map((server) => ({
      key: `v ${server.id}`,
      group: 'server',
      words: server.name,
      more: [addressWords(server), ...server.tags, server.group ?? '', t('servers.open')]
        .filter(Boolean)
        .join(' · '),
      run: () =>
        server.may.use
          ? openOn(server, recent.find((one) => one.id === server.id)?.credential)
          : go(serverAddress(server.id)),
    }))
}

function ofRecording(recording: Recording): Command {
  return {
    key: `r ${recording.id}`,
    group: 'recording',
    words: recordingName(recording),
    more: [recording.owner?.username ?? recording.account ?? '', recording.command.join(' ')].join(' · '),
    run: () => go(recordingAddress(recording.id)),
  }
}

function pages(t: TFunction, me: Me | null): Command[] {
  const list: [string, string][] = [
    ['/', t('nav.terminals')],
    ...SECTIONS.filter(([, right]) => right === null || me?.rights.includes(right)).map(
      ([section]): [string, string] => [`/${section}`, t(`nav.${section}`)],
    ),
    ['/recordings', t('nav.recordings')],
    ...(me?.rights.includes(MAY.read)
      ? ([
          ['/rules', t('nav.rules')],
          ['/rules/groups', t('rules.section.groups')],
          ['/rules/versions', t('rules.section.versions')],
        ] as [string, string][])
      : []),
    ...(me?.rights.includes(MAY.reviews) ? ([['/reviews', t('nav.reviews')]] as [string, string][]) : []),
    ...(me?.rights.includes(MAY.alerts) ? ([['/alerts', t('nav.alerts')]] as [string, string][]) : []),
    ...(me?.rights.includes('user_list') ? ([['/users', t('nav.users')]] as [string, string][]) : []),
    ['/settings', t('nav.settings')],
    ['/settings#ssh-keys', t('settings.section.ssh-keys')],
    ['/settings#tokens', t('settings.section.tokens')],
  ]
  return list.map(([address, words]) => ({
    key: `p ${address}`,
    group: 'page',
    words,
    more: address,
    run: () => go(address),
  }))
}

function actions(t: TFunction, { me, leave, showKeys }: Known): Command[] {
  const action = (key: string, words: string, run: Command['run']): Command => ({
    key: `a ${key}`,
    group: 'action',
    words,
    run,
  })
  const open = action('open', t('home.open'), async () => go(terminalAddress((await createSession()).uid)))
  return [
    ...(me?.rights.includes('session_create') ? [open] : []),
    ...THEMES.map((theme) =>
      action(`theme ${theme}`, `${t('settings.theme')}: ${t(`settings.theme.${theme}`)}`, () =>
        changeSettings({ theme }),
      ),
    ),
    ...Object.entries(LANGUAGES).map(([language, name]) =>
      action(`language ${language}`, `${t('nav.language')}: ${name}`, () =>
        changeSettings({ language: language as Language }),
      ),
    ),
    action('keys', t('keys.title'), showKeys),
    action('leave', t('nav.logout'), leave),
  ]
}
