import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { addPasskey, offerPasskey, type Passkey, renamePasskey } from '../../api/factors.ts'
import { DialogForm } from '../../parts/dialog-form.tsx'
import { Field } from '../../parts/field.tsx'
import { Notice } from '../../parts/notice.tsx'
import { GIVEN_UP, makePasskey } from '../../parts/passkey.ts'
import { PasswordAgain } from '../../parts/password-again.tsx'

const LONGEST_NAME = 100

/** What adding a second factor takes. */
export interface Adding {
  /** The password is asked for. */
  needed: boolean
  /** It is added; with the first one come recovery codes. */
  shown: (codes: string[] | null) => void
  close: () => void
}

export function NewPasskey({ needed, shown, close }: Adding) {
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
        return undefined
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
  const act = async () => {
    await renamePasskey(passkey.id, name.trim())
    close()
  }
  return (
    <DialogForm
      title={t('factors.passkey.rename.what', { name: passkey.name })}
      yes={t('form.save')}
      ready={name.trim() !== ''}
      act={act}
      close={close}
    >
      <Field
        label={t('factors.passkey.name')}
        maxLength={LONGEST_NAME}
        required
        autoFocus
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
    </DialogForm>
  )
}
