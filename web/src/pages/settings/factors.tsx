import { Button } from 'antd'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Problem } from '../../api/client.ts'
import {
  confirmTotp,
  getFactors,
  type Factors as Held,
  offerTotp,
  type Passkey,
  removePasskey,
  removeTotp,
  renewCodes,
  type TotpOffer,
} from '../../api/factors.ts'
import { AppSetup } from '../../parts/app-setup.tsx'
import { CodeField } from '../../parts/code-field.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { DialogForm } from '../../parts/dialog-form.tsx'
import { MadeAndUsed } from '../../parts/made-and-used.tsx'
import { Notice, ProblemNotice } from '../../parts/notice.tsx'
import { hasPasskeys } from '../../parts/passkey.ts'
import { PasswordAgain } from '../../parts/password-again.tsx'
import { RecoveryCodes } from '../../parts/recovery-codes.tsx'
import { useLoad } from '../../parts/use-load.ts'
import { type Adding, NewPasskey, RenamePasskey } from './passkeys.tsx'

type Asking =
  | { what: 'app' | 'app-remove' | 'codes' | 'passkey' }
  | { what: 'rename' | 'passkey-remove'; passkey: Passkey }

/** What one logs in with beside the password. */
export function Factors() {
  const { t } = useTranslation()
  const { data, problem, reload } = useLoad(getFactors)
  const [asking, setAsking] = useState<Asking | null>(null)
  const close = () => {
    setAsking(null)
    reload()
  }
  const any = data !== null && (data.totp !== null || data.passkeys.length > 0)
  return (
    <>
      <p className="soft">{t('factors.lead')}</p>
      <ProblemNotice problem={problem} retry={reload} />
      {data?.required && !any && <Notice tone="wait">{t('factors.required')}</Notice>}
      {data && (
        <ul className="cards">
          <App held={data} ask={setAsking} />
          {data.passkeys.map((passkey) => (
            <PasskeyRow key={passkey.id} passkey={passkey} ask={setAsking} />
          ))}
          {any && <Codes held={data} ask={setAsking} />}
        </ul>
      )}
      {data && (
        <Button
          disabled={!data.passkeys_possible || !hasPasskeys()}
          onClick={() => setAsking({ what: 'passkey' })}
        >
          {t('factors.passkey.add')}
        </Button>
      )}
      {data && !data.passkeys_possible && <p className="soft">{t('factors.passkey.nowhere')}</p>}
      {asking && data && <Asked asking={asking} held={data} close={close} />}
    </>
  )
}

type Ask = (asking: Asking) => void

function App({ held, ask }: { held: Held; ask: Ask }) {
  const { t } = useTranslation()
  return (
    <li data-factor="app">
      <div>
        <strong>{t('factors.app')}</strong>
        {held.totp ? (
          <MadeAndUsed made={held.totp.created} used={held.totp.last_used} />
        ) : (
          <p className="soft">{t('factors.app.none')}</p>
        )}
      </div>
      <div className="card-actions">
        <Button onClick={() => ask({ what: 'app' })}>
          {t(held.totp ? 'factors.app.change' : 'factors.app.add')}
        </Button>
        {held.totp && (
          <Button danger onClick={() => ask({ what: 'app-remove' })}>
            {t('factors.remove')}
          </Button>
        )}
      </div>
    </li>
  )
}

function PasskeyRow({ passkey, ask }: { passkey: Passkey; ask: Ask }) {
  const { t } = useTranslation()
  return (
    <li data-factor={passkey.name}>
      <div>
        <strong>{passkey.name}</strong> <span className="badge">{t('factors.passkey')}</span>
        <MadeAndUsed made={passkey.created} used={passkey.last_used} />
      </div>
      <div className="card-actions">
        <Button
          aria-label={t('factors.passkey.rename.what', { name: passkey.name })}
          onClick={() => ask({ what: 'rename', passkey })}
        >
          {t('factors.passkey.rename')}
        </Button>
        <Button
          danger
          aria-label={t('factors.remove.what', { name: passkey.name })}
          onClick={() => ask({ what: 'passkey-remove', passkey })}
        >
          {t('factors.remove')}
        </Button>
      </div>
    </li>
  )
}

function Codes({ held, ask }: { held: Held; ask: Ask }) {
  const { t } = useTranslation()
  return (
    <li data-factor="codes">
      <div>
        <strong>{t('factors.codes')}</strong>
        <p className="soft">{t('factors.codes.left', { count: held.recovery_codes_left })}</p>
      </div>
      <Button onClick={() => ask({ what: 'codes' })}>{t('factors.codes.renew')}</Button>
    </li>
  )
}

function Asked({ asking, held, close }: { asking: Asking; held: Held; close: () => void }) {
  const { t } = useTranslation()
  const [codes, setCodes] = useState<string[] | null>(null)
  const shown = (given: string[] | null) => (given ? setCodes(given) : close())
  if (codes) {
    return (
      <Dialog title={t('factors.codes')} close={close}>
        <RecoveryCodes codes={codes} done={close} />
      </Dialog>
    )
  }
  const again = { needed: held.password_set, close }
  switch (asking.what) {
    case 'app':
      return <SetUpApp needed={held.password_set} shown={shown} close={close} />
    case 'app-remove':
      return (
        <PasswordAgain
          {...again}
          title={t('factors.app.remove.title')}
          yes={t('factors.remove')}
          danger
          act={async (password) => {
            await removeTotp(password)
            close()
          }}
        >
          <p>{t('factors.app.remove.lead')}</p>
        </PasswordAgain>
      )
    case 'codes':
      return (
        <PasswordAgain
          {...again}
          title={t('factors.codes.renew')}
          yes={t('factors.codes.renew.yes')}
          act={async (password) => setCodes((await renewCodes(password)).recovery_codes)}
        >
          <p>{t('factors.codes.renew.lead')}</p>
        </PasswordAgain>
      )
    case 'passkey':
      return <NewPasskey needed={held.password_set} shown={shown} close={close} />
    case 'rename':
      return <RenamePasskey passkey={asking.passkey} close={close} />
    case 'passkey-remove':
      return (
        <PasswordAgain
          {...again}
          title={t('factors.passkey.remove.title', { name: asking.passkey.name })}
          yes={t('factors.remove')}
          danger
          act={async (password) => {
            await removePasskey(asking.passkey.id, password)
            close()
          }}
        >
          <p>{t('factors.passkey.remove.lead')}</p>
        </PasswordAgain>
      )
  }
}

function SetUpApp({ needed, shown, close }: Adding) {
  const { t } = useTranslation()
  const [offer, setOffer] = useState<TotpOffer | null>(null)
  const [code, setCode] = useState('')
  if (!offer) {
    return (
      <PasswordAgain
        needed={needed}
        close={close}
        title={t('factors.app.add')}
        yes={t('factors.next')}
        act={async (password) => setOffer(await offerTotp(password))}
      >
        <p className="soft">{t('factors.app.lead')}</p>
      </PasswordAgain>
    )
  }
  const wrong = (problem: Problem | null) => problem?.kind === 'bad_code'
  return (
    <DialogForm
      title={t('factors.app.add')}
      yes={t('factors.app.confirm')}
      ready={code.length === 6}
      words={(problem) => (wrong(problem) ? null : undefined)}
      act={async () => shown((await confirmTotp(code)).recovery_codes)}
      close={close}
    >
      {(problem) => (
        <>
          <AppSetup offer={offer} />
          <CodeField code={code} change={setCode} error={wrong(problem) ? t('second.wrong') : null} />
        </>
      )}
    </DialogForm>
  )
}
