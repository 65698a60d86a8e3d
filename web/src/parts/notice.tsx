import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Problem } from '../api/client.ts'
import { currentLanguage } from '../i18n.ts'

/** Something that must be seen, where it happened. */
export function Notice({
  tone,
  children,
  action,
}: {
  tone: 'wait' | 'bad' | 'good'
  children: ReactNode
  action?: ReactNode
}) {
  return (
    <div className={`notice ${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
      <div>{children}</div>
      {action}
    </div>
  )
}

/** A sentence that is there in both languages, or in one. */
export function inLanguage({ en = '', zh = '' }: { en?: string; zh?: string }): string {
  return currentLanguage() === 'zh-CN' ? zh || en : en || zh
}

/** What to show for a failed request. */
export function useProblemWords(): (problem: Problem) => string {
  const { t } = useTranslation()
  return (problem) => {
    if (problem.status === 0) return t('error.unreachable')
    if (problem.status === 429 && problem.retryAfter !== null) {
      return t('error.wait', { count: problem.retryAfter })
    }
    // A full disk of a server is no fault of this one.
    if (problem.status >= 500 && problem.status !== 507 && problem.requestId) {
      return t('error.server', { detail: problem.message, id: problem.requestId })
    }
    if (problem.reason) return inLanguage(problem.reason) || problem.message
    return problem.message || t('error.title')
  }
}

export function ProblemNotice({ problem, retry }: { problem: Problem | null; retry?: () => void }) {
  const { t } = useTranslation()
  const words = useProblemWords()
  if (!problem) return null
  return (
    <Notice
      tone="bad"
      action={
        retry && (
          <button type="button" className="quiet" onClick={retry}>
            {t('error.retry')}
          </button>
        )
      }
    >
      {words(problem)}
    </Notice>
  )
}
