import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { applyShare } from '../api/client.ts'
import { Link } from '../parts/link.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { useAction } from '../parts/use-load.ts'
import { goInstead, terminalAddress } from '../router.ts'

/** Somebody shared a terminal: using the link lets the one who is logged in see it, and goes there. */
export function SharePage({ token }: { token: string }) {
  const { t } = useTranslation()
  const { problem, run } = useAction()
  useEffect(() => {
    run(async () => {
      const { session, access } = await applyShare(token)
      goInstead(terminalAddress(session, access === 'watch'))
    })
  }, [token, run])
  if (problem?.kind === 'share_refused' || problem?.status === 404) {
    return (
      <section className="empty">
        <title>{`${t('shared.refused')} · Bastide`}</title>
        <h1>{t('shared.refused')}</h1>
        <p>{t('shared.refused.lead')}</p>
        <Link href="/">{t('missing.home')}</Link>
      </section>
    )
  }
  return problem ? <ProblemNotice problem={problem} /> : <p className="loading soft">{t('shared.opening')}</p>
}
