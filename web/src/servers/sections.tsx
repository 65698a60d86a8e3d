import { useTranslation } from 'react-i18next'
import { useRight } from '../api/me.ts'
import { Link } from '../parts/link.tsx'

export type Section = 'servers' | 'credentials' | 'access'

/** The pages about servers beside each other; nothing where there is only one. */
export function Sections({ current }: { current: Section }) {
  const { t } = useTranslation()
  const credentials = useRight('credential_list')
  const grants = useRight('grant_list')
  const list: Section[] = [
    'servers',
    ...(credentials ? (['credentials'] as const) : []),
    ...(grants ? (['access'] as const) : []),
  ]
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
