import { useTranslation } from 'react-i18next'
import { useMe } from '../api/me.ts'
import type { Right } from '../api/types.ts'
import { Link } from '../parts/link.tsx'

export type Section = 'servers' | 'credentials' | 'access' | 'requests' | 'hosts' | 'connections' | 'limits'

/** Each with what one needs to be allowed for it. */
export const SECTIONS: readonly [Section, Right | null][] = [
  ['servers', null],
  ['credentials', 'credential_list'],
  ['access', 'grant_list'],
  ['requests', 'access_request_list'],
  ['hosts', 'host_authority_list'],
  ['connections', 'connection_list'],
  ['limits', 'session_settings_read'],
]

/** The pages about servers beside each other; nothing where there is only one. */
export function Sections({ current }: { current: Section }) {
  const { t } = useTranslation()
  const rights = useMe()?.rights ?? []
  const list = SECTIONS.filter(([, right]) => right === null || rights.includes(right)).map(([one]) => one)
  if (list.length === 1) return null
  return (
    <nav className="sections" aria-label={t('servers.sections')}>
      {list.map((section) => (
        <Link key={section} href={`/${section}`} aria-current={section === current ? 'page' : undefined}>
          {t(`nav.${section}`)}
        </Link>
      ))}
    </nav>
  )
}
