// The rail beside every page but the terminal, and what a change of page means for the keyboard.

import { type ReactNode, useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { logOut, Problem } from '../api/client.ts'
import { useLive } from '../api/live.ts'
import { meStore, useMe } from '../api/me.ts'
import { MAY } from '../api/rules.ts'
import {
  LogoutIcon,
  RecordingIcon,
  ReviewIcon,
  RulesIcon,
  SearchIcon,
  ServerIcon,
  SettingsIcon,
  TerminalIcon,
  UsersIcon,
} from '../parts/icons.tsx'
import { Link } from '../parts/link.tsx'
import { Notice } from '../parts/notice.tsx'
import { useReviews } from '../reviews/store.ts'
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

interface Item {
  href: string
  pages: readonly Place['page'][]
  words: string
  icon: ReactNode
  shown?: boolean
  /** How many wait there. */
  badge?: number
}

const MOST_COUNTED = 99

function Rail({ place }: { place: Place }) {
  const { t } = useTranslation()
  const me = useMe()
  const rights = me?.rights ?? []
  const reviews = useReviews()
  const waiting = reviews.filter(({ may }) => may.decide).length
  const items: Item[] = [
    { href: '/', pages: ['home'], words: t('nav.terminals'), icon: <TerminalIcon /> },
    {
      href: '/servers',
      pages: [
        'servers',
        'server',
        'files',
        'credentials',
        'access',
        'requests',
        'hosts',
        'connections',
        'limits',
      ],
      words: t('nav.servers'),
      icon: <ServerIcon />,
    },
    {
      href: '/recordings',
      pages: ['recordings', 'recording'],
      words: t('nav.recordings'),
      icon: <RecordingIcon />,
    },
    {
      href: '/rules',
      pages: ['rules', 'rule_groups', 'rule_versions'],
      words: t('nav.rules'),
      icon: <RulesIcon />,
      shown: rights.includes(MAY.read),
    },
    {
      href: '/reviews',
      pages: ['reviews', 'alerts'],
      words: t('nav.reviews'),
      icon: <ReviewIcon />,
      shown: rights.includes(MAY.decide) || reviews.length > 0,
      badge: waiting,
    },
    {
      href: '/users',
      pages: ['users'],
      words: t('nav.users'),
      icon: <UsersIcon />,
      shown: rights.includes('user_list'),
    },
    { href: '/settings', pages: ['settings'], words: t('nav.settings'), icon: <SettingsIcon /> },
  ]
  return (
    <nav className="rail" aria-label={t('nav.main')}>
      <Link href="/" className="brand" aria-label="Bastide" tabIndex={-1}>
        <img src="/icon.svg" width="26" height="26" alt="" />
      </Link>
      {items
        .filter(({ shown = true }) => shown)
        .map(({ href, pages, words, icon, badge = 0 }) => (
          <Link
            key={href}
            href={href}
            className="rail-item"
            aria-current={pages.includes(place.page) ? 'page' : undefined}
          >
            {icon}
            <span>{words}</span>
            {badge > 0 && (
              <b className="rail-badge" title={t('reviews.count', { count: badge })}>
                {badge > MOST_COUNTED ? `${MOST_COUNTED}+` : badge}
              </b>
            )}
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
