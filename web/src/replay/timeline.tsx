import '../styles/rules.css'
import { useCallback } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '../api/client.ts'
import { listVerdicts, type SessionVerdict } from '../api/rules.ts'
import { durationWords } from '../parts/duration.ts'
import { useLoad } from '../parts/use-load.ts'
import { ActionDot, Argv, textIn } from '../rules/words.tsx'

const NONE: readonly SessionVerdict[] = []
/** Seconds: the player does not stop at exactly the moment that it is sent to. */
const NEAR = 0.2

/** What was judged in a session; nothing where nothing was, or where one may not know. */
export function useVerdicts(session: string): readonly SessionVerdict[] {
  const load = useCallback(async () => {
    try {
      return await listVerdicts(session)
    } catch (error) {
      if (error instanceof Problem && (error.status === 404 || error.status === 403)) return NONE
      throw error
    }
  }, [session])
  return useLoad(load).data ?? NONE
}

/** Seconds into the recording. */
export function secondOf(verdict: Pick<SessionVerdict, 'at' | 'offset_ms'>, started: string): number {
  const milliseconds = verdict.offset_ms ?? Date.parse(verdict.at) - Date.parse(started)
  return Math.max(0, milliseconds / 1000)
}

/** The commands of a session with what was decided, beside its replay: a click goes to that second. */
export function Timeline({
  verdicts,
  started,
  now,
  goTo,
}: {
  verdicts: readonly SessionVerdict[]
  started: string
  /** The second that is shown. */
  now: number
  goTo: (second: number) => void
}) {
  const { t } = useTranslation()
  const at = verdicts.findLastIndex((one) => secondOf(one, started) <= now + NEAR)
  return (
    <section className="verdicts" aria-labelledby="verdicts">
      <h2 id="verdicts">{t('verdicts.title')}</h2>
      <ol>
        {verdicts.map((verdict, index) => (
          <li key={verdict.id} data-action={verdict.action}>
            <button
              type="button"
              aria-current={index === at || undefined}
              title={t('verdicts.go')}
              onClick={() => goTo(secondOf(verdict, started))}
            >
              <span className="number soft">{durationWords(secondOf(verdict, started) * 1000)}</span>
              <ActionDot action={verdict.action} />
              <Argv argv={verdict.argv.length > 0 ? verdict.argv : [verdict.line ?? '']} />
              <Why verdict={verdict} />
            </button>
          </li>
        ))}
      </ol>
    </section>
  )
}

function Why({ verdict }: { verdict: SessionVerdict }) {
  const { t } = useTranslation()
  const { action, rule, review, ran, line, argv } = verdict
  const words = [
    rule ?? (action === 'allow' ? '' : t('rules.try.default')),
    action === 'allow' ? '' : textIn(verdict.reason),
    review ? t(`reviews.state.${review}`) : '',
    ran === false && action !== 'deny' ? t('verdicts.not_run') : '',
    line && argv.length > 0 && line !== argv.join(' ') ? t('verdicts.typed', { line }) : '',
  ].filter(Boolean)
  return words.length > 0 ? <span className="soft why">{words.join(' · ')}</span> : null
}
