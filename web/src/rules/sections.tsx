import { useTranslation } from 'react-i18next'
import { Link } from '../parts/link.tsx'

const SECTIONS = ['rules', 'groups', 'versions'] as const
export type RulesSection = (typeof SECTIONS)[number]

/** The pages about rules beside each other. */
export function RulesSections({ current }: { current: RulesSection }) {
  const { t } = useTranslation()
  return (
    <nav className="sections" aria-label={t('rules.sections')}>
      {SECTIONS.map((section) => (
        <Link
          key={section}
          href={section === 'rules' ? '/rules' : `/rules/${section}`}
          aria-current={section === current ? 'page' : undefined}
        >
          {t(`rules.section.${section}`)}
        </Link>
      ))}
    </nav>
  )
}
