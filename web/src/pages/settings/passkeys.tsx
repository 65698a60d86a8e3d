import { Button } from 'antd'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { addPasskey, offerPasskey, type Passkey, renamePasskey } from '../../api/factors.ts'
import { Dialog } from '../../parts/dialog.tsx'
import { Field } from '../../parts/field.tsx'
import { Notice, ProblemNotice } from '../../parts/notice.tsx'
import { GIVEN_UP, makePasskey } from '../../parts/passkey.ts'
import { PasswordAgain } from '../../parts/password-again.tsx'
import { useAction } from '../../parts/use-load.ts'

const LONGEST_NAME = 100

export function NewPasskey({
  needed,
  shown,
  close,
}: {
  /** The password is asked for. */
  needed: boolean
  shown: (codes: string[] | null) => void
  close: () => void
}) {
  const { t } = useTranslation()
  const [name, setName] = useState('')
  return (
    <PasswordAgain
      needed={needed}
      close={close}
      title={t('factors.passkey.add')}
      yes={t('factors.passkey.make')}
      ready={name.trim() !== ''}
      words={(problem) => {
        if (problem.kind === GIVEN_UP) return <Notice tone="wait">{t('factors.passkey.given_up')}</Notice>
        if (problem.kind === 'passkey_known') return <Notice tone="bad">{t('factors.passkey.known')}</Notice>
        return null
      }}
      act={async (password) => {
        const { options } = await offerPasskey(password, name.trim())
        shown((await addPasskey(await makePasskey(options))).recovery_codes)
      }}
    >
      <p className="soft">{t('factors.passkey.lead')}</p>
      <Field
        label={t('factors.passkey.name')}
        hint={t('factors.passkey.name.hint')}
        maxLength={LONGEST_NAME}
        required
        autoFocus
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
    </PasswordAgain>
  )
}

export function RenamePasskey({ passkey, close }: { passkey: Passkey; close: () => void }) {
  const { t } = useTranslation()
  const [name, setName] = useState(passkey.name)
  const { busy, problem, run } = useAction()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    run(async () => {
      await renamePasskey(passkey.id, name.trim())
      close()
    })
  }
  return (
    <Dialog title={t('factors.passkey.rename.what', { name: passkey.name })} close={close}>
      <form className="form" onSubmit={submit}>
        <Field
          label={t('factors.passkey.name')}
          maxLength={LONGEST_NAME}
          required
          autoFocus
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <ProblemNotice problem={problem} />
        <div className="dialog-actions">
          <Button onClick={close}>{t('form.cancel')}</Button>
          <Button type="primary" htmlType="submit" loading={busy} disabled={!name.trim()}>
            {t('form.save')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
