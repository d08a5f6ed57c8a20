/// All that the server keeps. Every implementation is held to one conformance suite.
package typealias Stores = UserStore & AttemptStore & SessionStore & RevocationStore & KeyAdministration & PrunableStore
    & UserAdministration & RevocationAdministration & PasswordStore & AuditStore
