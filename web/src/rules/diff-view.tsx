import { useTranslation } from 'react-i18next'
import { Dot, type Tone } from '../parts/state.tsx'
import { type Change, diffDocuments, type Sides } from './diff.ts'

const TONES: Record<Change['kind'], Tone> = { added: 'good', changed: 'wait', removed: 'bad' }

/** What is different, rule by rule. */
export function DiffView({ before, after }: { before: Sides; after: Sides }) {
  const { t } = useTranslation()
  const changes = diffDocuments(before, after)
  if (changes.length === 0) return <p className="soft">{t('rules.diff.none')}</p>
  return (
    <ul className="diff" aria-label={t('rules.diff')}>
      {changes.map(({ what, id, kind, lines }) => (
        <li key={`${what} ${id}`}>
          <p>
            <Dot tone={TONES[kind]}>{t(`rules.diff.${kind}`)}</Dot> <span>{t(`rules.diff.${what}`)}</span>{' '}
            {id && <code>{id}</code>}
          </p>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long one scrolls with the keys */}
          <pre tabIndex={0}>
            {lines.map(({ sign, text }, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a line may be there twice
              <span key={at} data-sign={sign}>
                {sign} {text}
                {'\n'}
              </span>
            ))}
          </pre>
        </li>
      ))}
    </ul>
  )
}
