// The rail beside every page but the terminal, and what a change of page means for the keyboard.

import { type ReactNode, useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { logOut, Problem } from '../api/client.ts'
import { useLive } from '../api/live.ts'
import { meStore, useMe, useRight } from '../api/me.ts'
import {
  LogoutIcon,
  RecordingIcon,
  SearchIcon,
  ServerIcon,
  SettingsIcon,
  TerminalIcon,
  UsersIcon,
} from '../parts/icons.tsx'
import { Link } from '../parts/link.tsx'
import { Notice } from '../parts/notice.tsx'
import type { Place } from '../router.ts'
import { openPalette } from './open.ts'

/** Logs out here; the page follows by itself. */
export async function leave(): Promise<void> {
  try {
    await logOut()
  } catch (error) {
    // Unreachable: the cookie is still there, so say nothing else. Refused: it was over already.
    if (!(error instanceof Problem) || error.status === 0) throw error
  }
  meStore.out()
}

export function Frame({ place, children }: { place: Place; children: ReactNode }) {
  const { t } = useTranslation()
  const main = useRef<HTMLElement>(null)
  const shown = useRef('')
  const where = 'id' in place ? `${place.page} ${place.id}` : place.page
  useEffect(() => {
    // The first page leaves the focus to the browser.
    if (shown.current && shown.current !== where) {
      main.current?.focus({ preventScroll: true })
      window.scrollTo(0, 0)
    }
    shown.current = where
  }, [where])
  return (
    <div className="frame">
      {/* biome-ignore lint/a11y/useValidAnchor: it goes to a place of this page, and takes the focus there */}
      <a
        className="skip"
        href="#content"
        onClick={(event) => {
          event.preventDefault()
          main.current?.focus()
        }}
      >
        {t('frame.skip')}
      </a>
      <Rail place={place} />
      <main className="content" id="content" tabIndex={-1} ref={main}>
        <Connection />
        {children}
      </main>
    </div>
  )
}

function Rail({ place }: { place: Place }) {
  const { t } = useTranslation()
  const me = useMe()
  const admin = useRight('user_list')
  const items = [
    { href: '/', pages: ['home'], words: t('nav.terminals'), icon: <TerminalIcon /> },
    {
      href: '/servers',
      pages: ['servers', 'server', 'credentials', 'access', 'hosts', 'connections'],
      words: t('nav.servers'),
      icon: <ServerIcon />,
    },
    {
      href: '/recordings',
      pages: ['recordings', 'recording'],
      words: t('nav.recordings'),
      icon: <RecordingIcon />,
    },
    ...(admin ? [{ href: '/users', pages: ['users'], words: t('nav.users'), icon: <UsersIcon /> }] : []),
    { href: '/settings', pages: ['settings'], words: t('nav.settings'), icon: <SettingsIcon /> },
  ]
  return (
    <nav className="rail" aria-label={t('nav.main')}>
      <Link href="/" className="brand" aria-label="Bastide" tabIndex={-1}>
        <img src="/icon.svg" width="26" height="26" alt="" />
      </Link>
      {items.map(({ href, pages, words, icon }) => (
        <Link
          key={href}
          href={href}
          className="rail-item"
          aria-current={pages.includes(place.page) ? 'page' : undefined}
        >
          {icon}
          <span>{words}</span>
        </Link>
      ))}
      <span className="rail-gap" />
      <button type="button" className="rail-item" onClick={openPalette} title={t('nav.search.keys')}>
        <SearchIcon />
        <span>{t('nav.search')}</span>
      </button>
      <button
        type="button"
        className="rail-item leave"
        title={me ? t('nav.logout.who', { name: me.user.username }) : undefined}
        onClick={() => void leave().catch(() => {})}
      >
        <LogoutIcon />
        <span>{t('nav.logout')}</span>
      </button>
    </nav>
  )
}

/** What is wrong between the page, the server and the daemon; nothing while all is well. */
function Connection() {
  const { t } = useTranslation()
  const live = useLive()
  const words =
    live.state === 'lost' ? t('live.lost') : live.waiting && t('live.waiting', { reason: live.waiting })
  return words ? <Notice tone="wait">{words}</Notice> : null
}
