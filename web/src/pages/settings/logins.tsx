import { Button } from 'antd'
import { useTranslation } from 'react-i18next'
import { endLogin, listLogins } from '../../api/client.ts'
import type { Login } from '../../api/types.ts'
import { agentWords } from '../../parts/agent.ts'
import { Ago } from '../../parts/ago.tsx'
import { ProblemNotice } from '../../parts/notice.tsx'
import { Until } from '../../parts/until.tsx'
import { useAction, useLoad } from '../../parts/use-load.ts'

/** Where this person is logged in; one that was forgotten elsewhere can be ended from here. */
export function Logins() {
  const { t } = useTranslation()
  const { data, problem, reload } = useLoad(listLogins)
  const ending = useAction()
  const end = (login: Login) =>
    ending.run(async () => {
      await endLogin(login.id)
      reload()
    })
  return (
    <>
      <p className="soft">{t('logins.lead')}</p>
      <ProblemNotice problem={problem ?? ending.problem} retry={reload} />
      <ul className="cards">
        {data?.map((login) => (
          <li key={login.id} data-login={login.id}>
            <div>
              <strong title={login.agent ?? undefined}>
                {login.kind === 'token'
                  ? t('logins.token')
                  : (agentWords(login.agent) ?? t('logins.browser'))}
              </strong>
              {login.current && <span className="badge">{t('logins.here')}</span>}
              <p className="soft">
                {login.address && <code>{login.address}</code>} {t('logins.since')} <Ago at={login.created} />
                {login.expires && (
                  <>
                    {' · '}
                    <Until at={login.expires} />
                  </>
                )}
              </p>
            </div>
            {!login.current && (
              <Button danger loading={ending.busy} onClick={() => end(login)}>
                {t('logins.end')}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </>
  )
}
