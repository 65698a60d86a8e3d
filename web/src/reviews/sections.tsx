import { useTranslation } from 'react-i18next'
import { useRight } from '../api/me.ts'
import { MAY } from '../api/rules.ts'
import { Link } from '../parts/link.tsx'

/** What needs a person, beside what a person should know; nothing where there is only one. */
export function ReviewSections({ current }: { current: 'reviews' | 'alerts' }) {
  const { t } = useTranslation()
  const alerts = useRight(MAY.alerts)
  if (!alerts) return null
  return (
    <nav className="sections" aria-label={t('reviews.sections')}>
      {(['reviews', 'alerts'] as const).map((section) => (
        <Link key={section} href={`/${section}`} aria-current={section === current ? 'page' : undefined}>
          {t(`nav.${section}`)}
        </Link>
      ))}
    </nav>
  )
}
