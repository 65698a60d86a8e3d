import { useCallback } from 'react'
import { useTranslation } from 'react-i18next'
import { listGrants, type Server } from '../api/servers.ts'
import { Link } from '../parts/link.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { useLoad } from '../parts/use-load.ts'
import { grantWords, limitWords, rightsWords, useNames } from './names.ts'

/** Who may use this server: by itself or by one of its tags. */
export function GrantsOf({ server }: { server: Server }) {
  const { t } = useTranslation()
  const { data, problem, reload } = useLoad(useCallback(() => listGrants(), []))
  const names = useNames()
  const mine = data?.filter(
    (grant) =>
      grant.everywhere ||
      grant.server_id === server.id ||
      (grant.tag !== null && server.tags.includes(grant.tag)) ||
      (grant.server_group !== null && grant.server_group === server.group),
  )
  return (
    <section aria-labelledby="server-grants">
      <header className="part-head">
        <h2 id="server-grants">{t('server.grants')}</h2>
        <span className="gap" />
        <Link href="/access">{t('server.grants.manage')}</Link>
      </header>
      <ProblemNotice problem={problem} retry={reload} />
      {mine?.length === 0 && <p className="soft">{t('server.grants.none')}</p>}
      <ul className="cards">
        {mine?.map((grant) => {
          const { who, what, how } = grantWords(t, grant, names)
          return (
            <li key={grant.id}>
              <div>
                <strong>{who}</strong>
                <p className="soft">
                  {[rightsWords(t, grant.rights), what, how, limitWords(t, grant)]
                    .filter(Boolean)
                    .join(' · ')}
                </p>
              </div>
            </li>
          )
        })}
      </ul>
    </section>
  )
}
