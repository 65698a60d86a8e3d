import { type ReactNode, Suspense } from 'react'
import { useTranslation } from 'react-i18next'

/** What is loaded when somebody goes there, and a word until it is. */
export function Loading({ children, words }: { children: ReactNode; words?: string }) {
  const { t } = useTranslation()
  return (
    <Suspense fallback={<p className="loading soft">{words ?? t('frame.loading')}</p>}>{children}</Suspense>
  )
}
